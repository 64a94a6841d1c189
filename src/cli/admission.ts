import { Command, Option } from 'commander';
import { admissionManifests, webhookManifests } from '../admission/manifests.ts';
import { type AdmissionOptions, defaultAdmissionOptions } from '../admission/options.ts';
import { yamlStream } from '../kube/yaml.ts';
import { FLAGS, type Flag, parseSettings } from '../settings.ts';
import type { Terminal } from './terminal.ts';

const HELP = `
The objects with the defaults are in config/admission/policy and config/admission/webhook. Where you choose something
else, give the same flags to "run": the first lines of the output name them. What a mode does not have stays in the cluster
when you change the mode; delete MutatingAdmissionPolicy or MutatingWebhookConfiguration federated-identity-injection then.
The default audience, lifetime and region of a token are no part of these objects: see --default-audience,
--default-token-expiration and --default-region of "run".

Examples:
  kubectl aws-identity admission | kubectl apply --server-side -f -
  kubectl aws-identity admission --mode webhook --excluded-namespaces monitoring,istio-system | kubectl apply --server-side -f -
`;

/** The settings of `run` that these objects must agree with. */
const SHARED = [
  '--namespace',
  '--service-account',
  '--mount-path',
  '--annotation-prefix',
  '--excluded-namespaces',
  '--webhook-service',
];
const sharedFlags: readonly Flag[] = FLAGS.filter(({ name }) => SHARED.includes(name));

interface Given {
  readonly mode: 'policy' | 'webhook';
  readonly tokenAudiences: string;
  readonly [setting: string]: string;
}

/** The command `admission`: prints what the API server must know for injection. It needs no cluster. Errors are thrown. */
export function admissionCommand(terminal: Terminal): Command {
  const command = new Command('admission')
    .description(
      'Print the admission policies, or the webhook and its gates, for an installation with its own choices.',
    )
    .addOption(
      new Option('--mode <mode>', 'who injects pods: policy needs Kubernetes 1.36, webhook 1.30')
        .choices(['policy', 'webhook'])
        .default('policy'),
    )
    .option(
      '--token-audiences <names>',
      'audiences that the operator may request tokens for: the client ids of all AwsOidcProviders, commas between',
      defaultAdmissionOptions.tokenAudiences.join(','),
    )
    .configureHelp({ commandUsage: () => 'kubectl aws-identity admission [options]' })
    .addHelpText('after', HELP)
    .showHelpAfterError('See kubectl aws-identity admission --help.');
  for (const { name, description, defaultText } of sharedFlags)
    command.option(`${name} <value>`, description, defaultText);
  return command.action((given: Given) => terminal.write(admissionYaml(given)));
}

/** The objects as YAML, below a comment that says how the operator must be run. Throws an Error that lists what is wrong. */
function admissionYaml({ mode, tokenAudiences, ...given }: Given): string {
  const settings = parseSettings(given);
  const options: AdmissionOptions = {
    ...defaultAdmissionOptions,
    operator: { namespace: settings.namespace, serviceAccount: settings.serviceAccount },
    excludedNamespaces: settings.excludedNamespaces,
    mountPath: settings.mountPath,
    annotationPrefix: settings.annotationPrefix,
    webhookService: settings.webhookService,
    tokenAudiences: audiencesOf(tokenAudiences),
  };
  const manifests = mode === 'policy' ? admissionManifests(options) : webhookManifests(options);
  const chosen = sharedFlags.flatMap(({ name, defaultText }) => {
    const value = given[camel(name)];
    return value === undefined || value === defaultText ? [] : [`${name}=${value}`];
  });
  const flags = [`--injection=${mode}`, ...chosen].join(' ');
  return `# Run the operator with: ${flags}\n${yamlStream(manifests)}`;
}

function audiencesOf(text: string): AdmissionOptions['tokenAudiences'] {
  const [first, ...rest] = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (first === undefined) throw new Error('--token-audiences is empty: name the client ids of your AwsOidcProviders');
  return [first, ...rest];
}

const camel = (flag: string): string =>
  flag.slice(2).replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
