import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LocalAccount } from '../aws/local-account.ts';
import { type LocalAws, startLocalAws } from '../aws/local-aws.ts';
import { createAuthority, issueCertificate, type KeyAndCertificate } from '../cluster/certificates.ts';
import { type Cluster, startCluster } from '../cluster/cluster.ts';
import { run } from '../cluster/process.ts';
import { type Progress, withProgress } from '../cluster/progress.ts';
import { keepUsedRights } from './audit-trail.ts';
import { type OperatorProcess, startOperator } from './operator-process.ts';
import { operatorPolicy } from './operator-policy.ts';

/** A cluster, an AWS and the operator between them: all that a user has, on one machine. */
export interface Stack extends AsyncDisposable {
  readonly cluster: Cluster;
  readonly aws: LocalAws;
  /** The account of `ACCOUNT`. */
  readonly account: LocalAccount;
  /** UID of the namespace kube-system, which tags in AWS name. */
  readonly clusterId: string;
  /** What a program on this machine needs to see the issuer as AWS does, as environment variables. */
  readonly issuerEnvironment: Readonly<Record<string, string>>;
  /** The operator that runs now. */
  readonly operator: OperatorProcess;
  /** Starts another operator beside it, under the name that its log has. Whoever starts it stops it. */
  startReplica(
    name: string,
    environment?: Readonly<Record<string, string>>,
    program?: string,
  ): Promise<OperatorProcess>;
  /** Runs the real kubectl as cluster admin; resolves with its output, rejects with its error text. */
  kubectl(args: readonly string[], input?: object | string): Promise<string>;
  /** Stops the operator (SIGKILL with 0) and starts it again with a new token, and with other settings if given. */
  restartOperator(options?: {
    readonly graceMs?: number;
    readonly environment?: Readonly<Record<string, string>>;
  }): Promise<void>;
}

export interface StackOptions {
  readonly progress?: Progress;
  /** Settings of the operator by their environment variables. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly issuer?: string;
  /** Buckets of eu-west-1 whose own addresses serve an issuer. */
  readonly publicBuckets?: readonly string[];
  /** The operator's program; default: the sources. */
  readonly program?: string;
  /** Folder that is installed with `kubectl apply -k`; default: config/dev of this tree. */
  readonly config?: string;
  /** Also run kube-controller-manager, so that Deployments and Jobs make pods. */
  readonly controllerManager?: boolean;
  /** On a kind cluster or not at all. */
  readonly kind?: boolean;
  /** Further accounts of AWS beside `ACCOUNT`. */
  readonly moreAccounts?: readonly string[];
}

export const ACCOUNT = '111122223333';
export const REGION = 'eu-west-1';
const OPERATOR = 'federated-identity-system/federated-identity-operator';
const OPERATOR_USER = `system:serviceaccount:${OPERATOR.replace('/', ':')}`;
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Starts everything and installs config/dev. The operator has the rights of its ServiceAccount and of its IAM user, no more. */
export async function startStack({
  progress = () => {},
  environment = {},
  issuer,
  publicBuckets = [],
  program,
  config,
  controllerManager = false,
  kind = false,
  moreAccounts = [],
}: StackOptions = {}): Promise<Stack> {
  await using started = new AsyncDisposableStack();
  const cluster = started.use(
    await startCluster({ progress, controllerManager, kind, ...(issuer === undefined ? {} : { issuer }) }),
  );
  // Rights of this tree are compared with what its operator uses; older ones that a test installs are none of them.
  if (config === undefined)
    started.defer(() => keepUsedRights(cluster.auditLog, OPERATOR_USER, process.env['USED_RIGHTS_FOLDER']));
  const authority = await createAuthority(new Date());
  const aws = started.use(await startAws(cluster, authority, moreAccounts));
  const account = aws.account(ACCOUNT);
  const kubectl = kubectlOf(cluster);
  await withProgress(
    progress,
    'installing CRDs, roles and admission policies (kubectl apply -k config/dev)',
    async () => {
      await kubectl(['apply', '--server-side', '-k', config ?? join(ROOT, 'config', 'dev')]);
      await kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
    },
  );
  const clusterId = await kubectl(['get', 'namespace', 'kube-system', '-o', 'jsonpath={.metadata.uid}']);
  const policy = operatorPolicy({ accountId: ACCOUNT, cluster: clusterId, issuer: cluster.issuer });
  const key = account.createUser('federated-identity-operator', policy);
  const newToken = (): Promise<string> => cluster.kubeconfigFor({ serviceAccount: OPERATOR });
  const kubeconfig = await newToken();
  const findIssuers = await issuerEnvironment(cluster, aws, { authority, publicBuckets });
  const start = (
    more: Readonly<Record<string, string>>,
    folder = cluster.folder,
    other = program,
  ): Promise<OperatorProcess> =>
    startOperator({
      kubeconfig,
      folder,
      ...(other === undefined ? {} : { program: other }),
      environment: {
        AWS_ENDPOINT_URL: aws.endpoint,
        AWS_ACCESS_KEY_ID: key.accessKeyId,
        AWS_SECRET_ACCESS_KEY: key.secretAccessKey,
        CONSISTENCY_WINDOW: '1', // the local AWS is consistent at once
        ...findIssuers,
        ...environment,
        ...more,
      },
    });
  let operator = await withProgress(progress, 'starting the operator', () => start({}));
  started.defer(() => operator.stop());
  const running = started.move();
  return {
    cluster,
    aws,
    account,
    kubectl,
    clusterId,
    issuerEnvironment: findIssuers,
    get operator() {
      return operator;
    },
    startReplica: async (name, more = {}, other = program) => {
      const folder = join(cluster.folder, name);
      await mkdir(folder, { recursive: true });
      return start({ POD_NAME: name, ...more }, folder, other);
    },
    restartOperator: async ({ graceMs, environment: more = {} } = {}) => {
      await operator.stop(graceMs);
      await newToken(); // into the same file; the ServiceAccount of before may be gone
      operator = await start(more);
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** What the operator needs to see the issuer as AWS does, since neither its name nor its certificate is public here. */
export async function issuerEnvironment(
  { url, issuer, caCertificate, folder }: Cluster,
  { https }: LocalAws,
  { authority, publicBuckets }: { readonly authority: KeyAndCertificate; readonly publicBuckets: readonly string[] },
): Promise<Readonly<Record<string, string>>> {
  const file = join(folder, 'issuer-authorities.crt');
  await writeFile(file, `${caCertificate}\n${authority.certificate}\n`);
  const buckets = publicBuckets.map((bucket) => `${bucket}.s3.${REGION}.amazonaws.com=127.0.0.1:${https?.port}`);
  const places = [`${new URL(issuer).hostname}=127.0.0.1:${new URL(url).port}`, ...buckets];
  return { ISSUER_CONNECT_TO: places.join(','), NODE_EXTRA_CA_CERTS: file };
}

/**
 * AWS finds the issuer where the API server listens, as DNS would show it in the open, and issuers that are buckets at S3
 * itself.
 */
export async function startAws(
  { url, issuer, caCertificate }: Cluster,
  authority: KeyAndCertificate,
  moreAccounts: readonly string[],
): Promise<LocalAws> {
  const { hostname, port } = new URL(url);
  const hosts = [`*.s3.${REGION}.amazonaws.com`, `s3.${REGION}.amazonaws.com`];
  const https = await issueCertificate(authority, { use: 'server', commonName: 'Local S3', hosts }, new Date());
  return startLocalAws({
    accounts: [ACCOUNT, ...moreAccounts],
    issuers: {
      resolve: { [new URL(issuer).hostname]: { address: hostname, port: Number(port) } },
      caCertificates: [caCertificate, authority.certificate],
    },
    https: { ...https, hosts },
  });
}

const kubectlOf =
  ({ kubectl, kubeconfig }: Cluster): Stack['kubectl'] =>
  (args, input) =>
    run(kubectl, args, {
      env: { ...process.env, KUBECONFIG: kubeconfig },
      timeoutMs: 120_000,
      ...(input === undefined ? {} : { input: typeof input === 'string' ? input : JSON.stringify(input) }),
    });
