import { Command, Option } from 'commander';
import { ReconcileError } from '../errors.ts';
import type { IssuerUrl } from '../iam/arn.ts';
import { undefinedIfNotFound } from '../kube/errors.ts';
import { type ClusterConnection, connectCluster } from '../kube/kubeconfig.ts';
import { parseIssuer } from '../oidc/issuer.ts';
import { DISCOVERY_PATH, JWKS_PATH } from '../oidc/published-documents.ts';
import { type Jwk, JwkSet } from '../oidc/published-keys.ts';
import { reading } from './cluster-reads.ts';
import { CliError } from './failures.ts';
import { issuerFiles, jwksJson, jwksText } from './jwks-files.ts';
import { writeIssuerFiles } from './jwks-folder.ts';
import { publishAsPerson } from './jwks-publish.ts';
import type { Terminal } from './terminal.ts';

interface JwksOptions {
  readonly issuer?: string;
  readonly out?: string;
  readonly keepPrevious?: true;
  readonly publish?: true;
  readonly provider?: string;
  readonly filename?: string;
  readonly context?: string;
  readonly output: 'text' | 'json';
}

const HELP = `
Prints or writes the discovery document and the public keys (JWKS) of this cluster, for any host that can serve two files
by HTTPS on port 443: a web server, a CDN, an object store. The keys are read from the API server; neither the operator nor
AWS is needed. In the cluster: get on the paths /openid/v1/jwks and /.well-known/openid-configuration, which every
ServiceAccount and cluster admin has.

The issuer must be the one of the cluster's tokens, byte for byte: the first --service-account-issuer of the API server.
--issuer is for the time before that flag is changed.

--out writes DIR/openid/v1/jwks first and DIR/.well-known/openid-configuration then. Keys that lie in DIR already and that
the cluster does not serve are a reason to stop, as running tokens may be signed with them: --keep-previous keeps them. Run
it again without them, 24 hours after a rotation, into a new folder.

--publish writes them into the bucket of spec.issuer.publish of an AwsOidcProvider, just as the operator does, but with your
own AWS credentials (AWS_PROFILE, AWS_ACCESS_KEY_ID, …): for the first time, when the operator's own credentials still wait
for the issuer. The operator goes on with what it finds. These need s3:GetObject and s3:PutObject on the two objects; in the
cluster: get awsoidcproviders and namespaces.

Examples:
  kubectl aws-identity jwks                                         look at both
  kubectl aws-identity jwks --publish                               into the bucket of AwsOidcProvider "default"
  kubectl aws-identity jwks --issuer https://oidc.example.com --out public
  kubectl aws-identity jwks --out public --keep-previous            after each rotation of the signing key
  kubectl aws-identity jwks -o json | jq .files[0].content
`;

/** The command `jwks`. Errors are thrown. */
export const jwksCommand = (terminal: Terminal): Command =>
  new Command('jwks')
    .description("Print or write the cluster's discovery document and public keys, to serve them anywhere.")
    .option('--issuer <url>', 'issuer of the tokens; default: the present one of the API server')
    .option('--out <dir>', 'folder for the two files, as a web server serves it under the issuer')
    .option('--keep-previous', 'keep keys that are in --out already')
    .addOption(
      new Option('--publish', 'write into the bucket of an AwsOidcProvider').conflicts([
        'out',
        'keepPrevious',
        'output',
      ]),
    )
    .option('--provider <name>', 'with --publish: an AwsOidcProvider; default: default')
    .option('-f, --filename <file>', 'with --publish: manifest with the AwsOidcProvider, - for standard input')
    .option('--context <context>', 'context of the kubeconfig; default: the current one')
    .addOption(new Option('-o, --output <format>', 'text or json').choices(['text', 'json']).default('text'))
    .configureHelp({ commandUsage: () => 'kubectl aws-identity jwks [options]' })
    .showHelpAfterError('See kubectl aws-identity jwks --help.')
    .addHelpText('after', HELP)
    .action((options: JwksOptions) => runJwks(options, terminal));

async function runJwks(options: JwksOptions, terminal: Terminal): Promise<void> {
  const { out, keepPrevious, output, publish, provider, filename: file } = options;
  if (keepPrevious && out === undefined) throw new CliError('--keep-previous needs --out: it keeps the keys in there');
  const cluster = connectCluster(options);
  const { signal } = new AbortController();
  const [served, present] = await Promise.all([readKeys(cluster, signal), readIssuer(cluster, signal)]);
  const issuer = usableIssuer(options.issuer ?? present, options.issuer !== undefined);
  if (issuer !== present) terminal.warn(`${notYet(issuer, present)}\n`);
  if (publish) {
    terminal.write(`${await publishAsPerson(cluster, { provider, file, issuer }, signal)}\n`);
    return;
  }
  const files =
    out === undefined
      ? issuerFiles(issuer, served)
      : await writeIssuerFiles({ folder: out, issuer, served, keepPrevious: keepPrevious === true });
  terminal.write(output === 'json' ? jwksJson(issuer, files) : jwksText(issuer, files, out));
}

async function readKeys(cluster: ClusterConnection, signal: AbortSignal): Promise<readonly Jwk[]> {
  const parsed = JwkSet.safeParse(await readPath(cluster, JWKS_PATH, signal));
  if (parsed.success && parsed.data.keys.length > 0) return parsed.data.keys;
  throw new CliError(`${cluster.server}${JWKS_PATH} is no set of signing keys: ${NOT_SERVED}`);
}

async function readIssuer(cluster: ClusterConnection, signal: AbortSignal): Promise<string> {
  const answer = await readPath(cluster, DISCOVERY_PATH, signal);
  const issuer = typeof answer === 'object' && answer !== null && 'issuer' in answer ? answer.issuer : undefined;
  if (typeof issuer === 'string') return issuer;
  throw new CliError(`${cluster.server}${DISCOVERY_PATH} names no issuer: ${NOT_SERVED}`);
}

/** Undefined where it is not there. */
const readPath = (cluster: ClusterConnection, path: string, signal: AbortSignal): Promise<unknown> =>
  reading(cluster, `get ${path}`, () => cluster.kubernetes.getPath(path, signal).catch(undefinedIfNotFound));

const NOT_SERVED =
  'kube-apiserver serves both documents only where its --service-account-issuer is an https URL; a managed cluster may hide them, and serves them itself.';

function usableIssuer(issuer: string, isGiven: boolean): IssuerUrl {
  try {
    return parseIssuer(issuer);
  } catch (error) {
    if (!(error instanceof ReconcileError)) throw error;
    const remedy = isGiven
      ? 'Give another --issuer.'
      : 'Give the public URL that will serve the files: --issuer https://…';
    throw new CliError(`AWS cannot use the issuer ${issuer}: it needs https, port 443 and a public host. ${remedy}`, {
      cause: error,
    });
  }
}

const notYet = (issuer: string, present: string): string =>
  `Note: tokens of this cluster are issued by ${present}. Serve the files, and then start every kube-apiserver with ` +
  `--service-account-issuer=${issuer} first and --service-account-issuer=${present} second.`;
