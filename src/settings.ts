import * as z from 'zod';
import { defaultAdmissionOptions, excludedNamespaces } from './admission/options.ts';
import { parseLabelSelector } from './kube/label-selector.ts';
import type { AnnotationDefaults } from './kube/service-account-annotations.ts';
import { parseConnectTo } from './oidc/connect-to.ts';

/** Decimal digits alone: JavaScript would take an empty variable for 0, and 0x10 for 16. */
const fromText = (given: unknown): unknown =>
  typeof given === 'string' && /^-?[0-9]+(\.[0-9]+)?$/.test(given) ? Number(given) : given;

const numberSetting = (min: number, max: number) => {
  const problem = `must be a number from ${min} to ${max}`;
  return z.preprocess(fromText, z.number(problem).min(min, problem).max(max, problem));
};

const wholeNumber = (min: number, max: number) => {
  const problem = `must be a whole number from ${min} to ${max}`;
  return z.preprocess(fromText, z.number(problem).int(problem).min(min, problem).max(max, problem));
};

const MAX_PORT = 65_535;

const addressSetting = (port: number) => {
  const problem = `must be HOST:PORT or :PORT with a port up to ${MAX_PORT}, such as :${port}`;
  return z
    .string()
    .refine((address) => /^[^\s]*:[0-9]+$/.test(address) && listenAddress(address).port <= MAX_PORT, problem)
    .default(`:${port}`);
};

/** Commas between; spaces around them do not count. */
const names = (of: RegExp, problem: string) =>
  z
    .string()
    .default('')
    .transform((text) =>
      text
        .split(',')
        .map((name) => name.trim())
        .filter((name) => name !== ''),
    )
    .pipe(z.array(z.string().regex(of, problem)));

/** A text that `parse` takes; what it throws is the problem. */
const readableBy = (parse: (text: string) => unknown) =>
  z
    .string()
    .default('')
    .superRefine((text, context) => {
      try {
        parse(text);
      } catch (error) {
        context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
      }
    });

const DNS_NAME = /^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$/;
const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const NO_DNS_NAME = 'must be a name in lower case, of letters, digits, dashes and dots';
const NO_WORD = 'must be printable ASCII without a space';

/** What pods are given. A manifest of `admission` says the same to the API server, so both need the same flags. */
const INJECTION = {
  injection: z
    .enum(['policy', 'webhook'])
    .default('policy')
    .describe('Who injects pods: policy is the API server (Kubernetes 1.36), webhook is this process (1.30 and later)'),
  mountPath: z
    .string()
    .regex(/^\/[^:\s]*[^:\s/]$/, 'must be an absolute path without a colon, a space or a slash at its end')
    .default(defaultAdmissionOptions.mountPath)
    .describe('Folder of the token in a container; on Windows the same path on drive C'),
  annotationPrefix: z
    .string()
    .regex(DNS_NAME, `${NO_DNS_NAME}, such as ${defaultAdmissionOptions.annotationPrefix}`)
    .default(defaultAdmissionOptions.annotationPrefix)
    .describe('Domain of the annotations of ServiceAccounts and pods, such as role-arn'),
  excludedNamespaces: names(DNS_NAME, 'must be names of namespaces with commas between').describe(
    'Namespaces whose pods are never injected, commas between; kube-system and --namespace always are',
  ),
  defaultAudience: z
    .string()
    .regex(/^[!-~]+$/, NO_WORD)
    .default('sts.amazonaws.com')
    .describe('Audience of the token for a ServiceAccount annotated by hand that names none'),
  defaultTokenExpiration: wholeNumber(600, 86_400)
    .default(86_400)
    .describe('Seconds of life of the token for a ServiceAccount annotated by hand that names none'),
  defaultRegion: z
    .string()
    .regex(/^([!-~]+)?$/, NO_WORD)
    .default('')
    .describe(
      'Region for a ServiceAccount annotated by hand that names none; default: that of AwsOidcProvider default',
    ),
} as const;

/** Of `--injection webhook` only. */
const WEBHOOK = {
  webhookBindAddress: addressSetting(9443).describe('Address of the webhook, as HOST:PORT; port 0 takes a free one'),
  webhookService: z
    .string()
    .regex(DNS_NAME, NO_DNS_NAME)
    .default('federated-identity-webhook')
    .describe('Service in --namespace by which API servers reach the webhook; its certificate is for that name'),
  webhookHosts: names(/^[-.:a-zA-Z0-9]+$/, 'must be host names or addresses with commas between').describe(
    'Further names and addresses that the certificate of the webhook is for, commas between',
  ),
  webhookCertificateLifetime: wholeNumber(3, 2_592_000)
    .default(86_400)
    .describe('Seconds of life of a certificate of the webhook; it is replaced after two thirds of them'),
  webhookLearningTime: wholeNumber(0, 3_600)
    .default(10)
    .describe('Seconds in which API servers learn of the next certificate before it is used'),
  webhookDrain: wholeNumber(0, 60)
    .default(5)
    .describe('Seconds after SIGTERM in which the webhook still answers, so that no call is lost'),
} as const;

/** Every setting of `run`: a flag, the environment variable of the same name, a default and its text in `--help`. */
export const SETTINGS = {
  logLevel: z
    .enum(['debug', 'info', 'warn', 'error'])
    .default('info')
    .describe('Lowest level that is logged: debug, info, warn or error'),
  namespace: z
    .string()
    .regex(DNS_LABEL, 'must be the name of a namespace')
    .default('federated-identity-system')
    .describe("Namespace of the operator's own ServiceAccount and of its Lease"),
  serviceAccount: z
    .string()
    .regex(DNS_NAME, 'must be the name of a ServiceAccount')
    .default('federated-identity-operator')
    .describe("The operator's own ServiceAccount, of which a token is minted to learn the issuer"),
  podName: z.string().max(253).default('').describe('Name of this replica in the Lease; default: the host name'),
  leaderElection: z
    .enum(['on', 'off'])
    .default('on')
    .describe('Whether a Lease decides which replica works: on, or off for a single process'),
  verification: z
    .enum(['token', 'provider', 'off'])
    .default('token')
    .describe(
      "How Ready is proven: token exchanges a token of each ServiceAccount at STS, provider only the operator's own, off none",
    ),
  resyncInterval: wholeNumber(1, 86_400)
    .default(600)
    .describe('Seconds between two looks at AWS for an object that did not change'),
  verificationInterval: wholeNumber(60, 604_800)
    .default(21_600)
    .describe(
      'Seconds between two token exchanges for an identity that did not change; longer where all together would make more than one in a resync interval',
    ),
  providerVerificationInterval: wholeNumber(10, 86_400)
    .default(300)
    .describe(
      "Seconds between two tokens of the operator's own ServiceAccount that STS is shown for each provider; longer where all together would be more than 4 in a resync interval",
    ),
  providerSelector: readableBy(parseLabelSelector).describe(
    'Labels of the AwsOidcProviders that this operator looks after, with their identities, as kubectl get -l takes them; default: all',
  ),
  issuerConnectTo: readableBy(parseConnectTo).describe(
    'Where the check of an issuer connects instead of where DNS says, as HOST=ADDRESS:PORT, commas between; a private address is fine',
  ),
  consistencyWindow: wholeNumber(0, 600)
    .default(60)
    .describe('Seconds after a write to IAM in which its answers may still be older, and are no drift'),
  awsCallsPerSecond: numberSetting(0.5, 100)
    .default(10)
    .describe('Most calls to IAM a second and account; throttling by AWS lowers it by itself'),
  concurrency: wholeNumber(1, 64).default(32).describe('Objects of one kind that are worked on at the same time'),
  metricsBindAddress: addressSetting(8080).describe(
    'Address of /healthz, /readyz and /metrics, as HOST:PORT; port 0 takes a free one',
  ),
  shutdownGrace: wholeNumber(1, 300)
    .default(1)
    .describe(
      'Seconds that reconciles may go on after SIGTERM, before another replica takes over; what is cut off then is taken up there',
    ),
  ...INJECTION,
  ...WEBHOOK,
} as const;

const Settings = z.object(SETTINGS);
export type Settings = z.output<typeof Settings>;

/** A setting as the command line knows it. */
export interface Flag {
  /** `--log-level`. */
  readonly name: string;
  /** `LOG_LEVEL`. */
  readonly variable: string;
  readonly description: string;
  readonly defaultText: string;
}

const kebab = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

export const FLAGS: readonly Flag[] = Object.entries(SETTINGS).map(([name, schema]) => ({
  name: `--${kebab(name)}`,
  variable: kebab(name).replaceAll('-', '_').toUpperCase(),
  description: schema.description ?? '',
  defaultText: String(schema.parse(undefined)),
}));

/** Parses what the command line and the environment gave. Throws one Error that lists every problem by its flag. */
export function parseSettings(given: Readonly<Record<string, unknown>>): Settings {
  const result = Settings.safeParse(given);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => {
    const flag = `--${kebab(String(path[0]))}`;
    return `  ${flag}: ${message} (given: ${JSON.stringify(given[String(path[0])])})`;
  });
  throw new Error(`invalid settings:\n${problems.join('\n')}\nSee --help.`);
}

/** Parts of an address setting, an IPv6 address without its brackets; without a host it is every address, of IPv6 too where there is any. */
export function listenAddress(address: string): { readonly host: string | undefined; readonly port: number } {
  const separator = address.lastIndexOf(':');
  const host = address.slice(0, separator).replace(/^\[(.*)\]$/, '$1');
  return { host: host === '' ? undefined : host, port: Number(address.slice(separator + 1)) };
}

/** Namespaces that are left alone: kube-system and the operator's own too, whatever the setting says. */
export const excludedNamespacesOf = (settings: Settings): readonly string[] =>
  excludedNamespaces({ operator: settings, excludedNamespaces: settings.excludedNamespaces });

/** What counts where a ServiceAccount that is annotated by hand says nothing. */
export const annotationDefaultsOf = (settings: Settings): AnnotationDefaults => ({
  annotationPrefix: settings.annotationPrefix,
  audience: settings.defaultAudience,
  tokenExpirationSeconds: settings.defaultTokenExpiration,
  region: settings.defaultRegion === '' ? undefined : settings.defaultRegion,
});
