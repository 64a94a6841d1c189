import { fileURLToPath } from 'node:url';
import type { LocalAccount } from '../aws/local-account.ts';
import { type LocalAws, startLocalAws } from '../aws/local-aws.ts';
import { type Cluster, startCluster } from '../cluster/cluster.ts';
import { run } from '../cluster/process.ts';
import { type Progress, withProgress } from '../cluster/progress.ts';
import { type OperatorProcess, startOperator } from './operator-process.ts';
import { operatorPolicy } from './operator-policy.ts';

/** A cluster, an AWS and the operator between them: all that a user has, on one machine. */
export interface Stack extends AsyncDisposable {
  readonly cluster: Cluster;
  readonly aws: LocalAws;
  /** The account of `ACCOUNT`. */
  readonly account: LocalAccount;
  /** The operator that runs now. */
  readonly operator: OperatorProcess;
  /** Runs the real kubectl as cluster admin; resolves with its output, rejects with its error text. */
  kubectl(args: readonly string[], input?: object | string): Promise<string>;
  /** Stops the operator (SIGKILL with 0) and starts it again, with other settings if given. */
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
  /** The operator's program; default: the sources. */
  readonly program?: string;
}

export const ACCOUNT = '111122223333';
export const REGION = 'eu-west-1';
const OPERATOR = 'federated-identity-system/federated-identity-operator';
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Starts everything and installs config/dev. The operator has the rights of its ServiceAccount and of its IAM user, no more. */
export async function startStack({
  progress = () => {},
  environment = {},
  issuer,
  program,
}: StackOptions = {}): Promise<Stack> {
  await using started = new AsyncDisposableStack();
  const cluster = started.use(await startCluster({ progress, ...(issuer === undefined ? {} : { issuer }) }));
  const aws = started.use(await startAws(cluster));
  const account = aws.account(ACCOUNT);
  const kubectl = kubectlOf(cluster);
  await withProgress(
    progress,
    'installing CRDs, roles and admission policies (kubectl apply -k config/dev)',
    async () => {
      await kubectl(['apply', '--server-side', '-k', `${ROOT}/config/dev`]);
      await kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
    },
  );
  const key = account.createUser('federated-identity-operator', operatorPolicy(ACCOUNT));
  const kubeconfig = await cluster.kubeconfigFor({ serviceAccount: OPERATOR });
  const start = (more: Readonly<Record<string, string>>): Promise<OperatorProcess> =>
    startOperator({
      kubeconfig,
      folder: cluster.folder,
      ...(program === undefined ? {} : { program }),
      environment: {
        AWS_ENDPOINT_URL: aws.endpoint,
        AWS_ACCESS_KEY_ID: key.accessKeyId,
        AWS_SECRET_ACCESS_KEY: key.secretAccessKey,
        CONSISTENCY_WINDOW: '1', // the local AWS is consistent at once
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
    get operator() {
      return operator;
    },
    restartOperator: async ({ graceMs, environment: more = {} } = {}) => {
      await operator.stop(graceMs);
      operator = await start(more);
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** AWS finds the issuer where the API server listens, as DNS would show it in the open. */
function startAws({ url, issuer, caCertificate }: Cluster): Promise<LocalAws> {
  const { hostname, port } = new URL(url);
  return startLocalAws({
    accounts: [ACCOUNT],
    issuers: {
      resolve: { [new URL(issuer).hostname]: { address: hostname, port: Number(port) } },
      caCertificates: [caCertificate],
    },
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
