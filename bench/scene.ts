import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { KubeConfig } from '@kubernetes/client-node';
import { pino } from 'pino';
import { run } from '../dev/cluster/process.ts';
import { type Progress, withProgress } from '../dev/cluster/progress.ts';
import { joinAccount, memberRoleArn } from '../dev/stack/member-account.ts';
import { ACCOUNT, REGION, type Stack, startStack } from '../dev/stack/stack.ts';
import { readDockerfile, startOf } from '../scripts/dockerfile.ts';
import { type KubernetesClient, kubernetesClient } from '../src/kube/client.ts';
import { sharingConnections } from '../src/kube/connection-pool.ts';
import { type AwsFederatedIdentity, IDENTITIES, NAMESPACES } from '../src/kube/kinds.ts';
import { ObjectStore } from '../src/runtime/object-store.ts';
import { follow } from '../src/stores.ts';

export const PATIENCE = AbortSignal.timeout(4 * 3_600_000);
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const BUNDLE = fileURLToPath(new URL('../dist/operator.mjs', import.meta.url));

/** Ten accounts, as an IAM account takes no more than 1000 roles unless AWS raises it, and 5000 if it does. */
export const ACCOUNTS = [ACCOUNT, ...Array.from({ length: 9 }, (_, index) => `22223333440${index}`)] as const;
export const providerName = (index: number): string => (index === 0 ? 'default' : `account-${index}`);

/** What each identity asks for: two managed policies and an inline one, four calls to IAM at the least. */
const ROLE = {
  managedPolicyArns: [
    'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess',
    'arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess',
  ],
  inlinePolicies: [
    {
      name: 'inline',
      document: { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Resource: '*' }] },
    },
  ],
};
export const POLICIES = 3;

export interface Scene extends AsyncDisposable {
  readonly stack: Stack;
  /** As cluster admin, under the operator's field manager. */
  readonly admin: KubernetesClient;
  /** As the operator's ServiceAccount. */
  readonly asOperator: KubernetesClient;
  /** All identities, as a user's watch shows them. */
  readonly identities: ObjectStore<AwsFederatedIdentity>;
  /** From now on, or no longer, AWS takes this long to answer. */
  delayAws(milliseconds: number): void;
}

/** A cluster, a local AWS of ten accounts, and the bundled operator as a process of its own with the settings of `environment`. */
export async function startScene(environment: Readonly<Record<string, string>>, progress: Progress): Promise<Scene> {
  await using started = new AsyncDisposableStack();
  await withProgress(progress, 'bundling the operator', () =>
    run(process.execPath, ['scripts/bundle.ts'], { cwd: ROOT }),
  );
  const { PATH: _, ...asInTheImage } = startOf(await readDockerfile(join(ROOT, 'Dockerfile'))).environment;
  const stack = started.use(
    await startStack({
      progress,
      environment: { ...asInTheImage, ...environment },
      program: BUNDLE,
      moreAccounts: ACCOUNTS.slice(1),
    }),
  );
  for (const account of ACCOUNTS) {
    if (account !== ACCOUNT) await joinAccount(stack, account);
    stack.aws.account(account).setQuotas({ roles: 5_000 });
  }
  const config = configOf(stack.cluster.kubeconfig);
  const admin = kubernetesClient(config);
  const operator = await stack.cluster.kubeconfigFor({
    serviceAccount: 'federated-identity-system/federated-identity-operator',
  });
  const log = pino({ level: 'silent' });
  const identities = new ObjectStore<AwsFederatedIdentity>({ log });
  const watching = new AbortController();
  const following = follow({ config, kubernetes: admin, log }, IDENTITIES, { store: identities }, watching.signal);
  started.defer(async () => {
    watching.abort();
    await following;
  });
  let delay: Disposable | undefined;
  const running = started.move();
  return {
    stack,
    admin,
    asOperator: kubernetesClient(configOf(operator)),
    identities,
    delayAws: (milliseconds) => {
      delay?.[Symbol.dispose]();
      delay = stack.aws.faults.add({ operation: '*', effect: { kind: 'latency', ms: milliseconds } });
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

function configOf(kubeconfig: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  return sharingConnections(config);
}

/** Makes the first `count` providers, each of an account of its own, and waits until they are ready. */
export async function makeProviders({ stack }: Scene, count: number): Promise<void> {
  const items = ACCOUNTS.slice(0, count).map((accountId, index) => ({
    apiVersion: 'federatedidentity.dev/v1alpha1',
    kind: 'AwsOidcProvider',
    metadata: { name: providerName(index) },
    spec: {
      accountId,
      region: REGION,
      guardrails: {
        managedPolicyArns: ['arn:aws:iam::aws:policy/Amazon*'],
        inlinePolicies: 'Allow',
        rolePath: '/federated/',
        maxIdentitiesPerNamespace: 1_000,
      },
      ...(accountId === ACCOUNT ? {} : { assumeRole: { roleArn: memberRoleArn(accountId) } }),
    },
  }));
  await stack.kubectl(['apply', '-f', '-'], { apiVersion: 'v1', kind: 'List', items });
  await stack.kubectl(['wait', 'aop', '--all', '--for=condition=Ready', '--timeout=120s']);
}

export interface IdentityName {
  readonly namespace: string;
  readonly name: string;
  /** Which of the providers; default: the first. */
  readonly provider?: number;
}

export const identityOf = ({ namespace, name, provider = 0 }: IdentityName): AwsFederatedIdentity =>
  ({
    metadata: { namespace, name },
    spec: { providerRef: { name: providerName(provider) }, serviceAccount: { name }, role: ROLE },
  }) as unknown as AwsFederatedIdentity; // the API server fills in the defaults

export async function makeNamespaces({ admin }: Scene, names: Iterable<string>): Promise<void> {
  for (const name of new Set(names)) await admin.create(NAMESPACES, { metadata: { name } }, PATIENCE);
}

/** Runs `work` on all items, so many at a time. */
export async function inParallel<T>(
  items: readonly T[],
  concurrency: number,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const queue = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of queue) await work(item, index);
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}
