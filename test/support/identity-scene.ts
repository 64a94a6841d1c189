import { pino } from 'pino';
import { expect, vi } from 'vitest';
import type { Dependencies } from '../../src/controllers/aws-federated-identity/dependencies.ts';
import { FirstSweeps } from '../../src/controllers/aws-federated-identity/first-sweeps.ts';
import { KnownRoles } from '../../src/controllers/aws-federated-identity/known-roles.ts';
import { LeftInOrder } from '../../src/controllers/aws-federated-identity/left-in-order.ts';
import { reconcileFederatedIdentity } from '../../src/controllers/aws-federated-identity/reconcile.ts';
import { IDENTITY_INDEXES } from '../../src/controllers/aws-federated-identity/watches.ts';
import {
  type AwsFederatedIdentity,
  type AwsOidcProvider,
  IDENTITIES,
  PROVIDERS,
  SERVICE_ACCOUNTS,
} from '../../src/kube/kinds.ts';
import { CONFIG_MAPS } from '../../src/kube/injection-table.ts';
import type { ObjectName, ResourceType } from '../../src/kube/resource.ts';
import type { Result } from '../../src/runtime/reconciler.ts';
import type { Exchange } from '../../src/sts/token-exchange.ts';
import { CLUSTER, identity as anIdentity, NOW, provider as aProvider, thrownBy } from './builders.ts';
import { expectGoodStatus } from './kstatus.ts';
import { inMemoryAccount, type InMemoryRoles, inMemoryRoles } from './in-memory-iam.ts';
import { type InMemoryKubernetes, inMemoryKubernetes } from './in-memory-kubernetes.ts';

interface SceneOptions {
  readonly identity?: AwsFederatedIdentity;
  /** Others in the cluster. */
  readonly identities?: readonly AwsFederatedIdentity[];
  readonly provider?: AwsOidcProvider;
  readonly iam?: InMemoryRoles;
  readonly dependencies?: Partial<Dependencies>;
}

export interface IdentityScene {
  readonly kubernetes: InMemoryKubernetes;
  readonly iam: InMemoryRoles;
  /** Tokens that STS was asked to exchange. */
  readonly exchanged: string[];
  readonly clock: { now: Date };
  /** What STS answers. */
  readonly sts: { answer: Exchange };
  readonly dependencies: Dependencies;
  /** One reconcile of the identity; resolves with its result. */
  reconcile(): Promise<Result>;
  /** One reconcile that must fail; resolves with what it throws. */
  failure(): Promise<unknown>;
  /** A reconcile that must wait, as IAM's answer can be late, and another one when it cannot be any more. */
  reconcileSettled(): Promise<void>;
  /** The identity as the API server has it. */
  stored(): AwsFederatedIdentity | undefined;
  /** The operator as after a restart: it knows nothing but what is stored. */
  restarted(): IdentityScene;
}

/** An identity, its ready provider, and a cluster and an account in memory; stores see each write at once. Needs fake timers. */
export function identityScene(options: SceneOptions = {}): IdentityScene {
  const { identity = anIdentity(), identities = [], provider = aProvider(), iam = inMemoryRoles() } = options;
  const kubernetes = inMemoryKubernetes();
  for (const one of [identity, ...identities]) kubernetes.put(IDENTITIES, one);
  kubernetes.put(PROVIDERS, provider);
  return scene(identity, kubernetes, iam, options.dependencies ?? {});
}

function scene(
  identity: AwsFederatedIdentity,
  kubernetes: InMemoryKubernetes,
  iam: InMemoryRoles,
  overrides: Partial<Dependencies>,
): IdentityScene {
  const { namespace, name = '' } = identity.metadata;
  const request = namespace === undefined ? { name } : { namespace, name };
  const account = inMemoryAccount(iam);
  const exchanged: string[] = [];
  const clock = { now: NOW };
  const sts: { answer: Exchange } = { answer: { kind: 'accepted' } };
  const firstSweeps = new FirstSweeps(0);
  firstSweeps.ended('default');
  const storeOf = (type: ResourceType) => ({ get: (object: ObjectName) => kubernetes.read<never>(type, object) });
  const dependencies: Dependencies = {
    kubernetes: kubernetes.client,
    identities: {
      ...storeOf(IDENTITIES),
      byIndex: (index, value) =>
        kubernetes.all<AwsFederatedIdentity>(IDENTITIES).filter((one) => IDENTITY_INDEXES[index](one).includes(value)),
    },
    providers: storeOf(PROVIDERS),
    serviceAccounts: storeOf(SERVICE_ACCOUNTS),
    tables: storeOf(CONFIG_MAPS),
    accounts: { of: () => account },
    knownRoles: new KnownRoles({ maxAgeMs: 1_500_000, consistencyWindowMs: 60_000 }),
    firstSweeps,
    leftInOrder: new LeftInOrder(),
    events: { record: () => {} },
    onRepair: () => {},
    exchange: {
      exchange: async (_region, _role, token) => {
        exchanged.push(token);
        return sts.answer;
      },
    },
    cluster: CLUSTER,
    settings: {
      verification: 'token',
      excludedNamespaces: ['kube-system'],
      resyncIntervalMs: 600_000,
      verificationIntervalMs: 21_600_000,
    },
    now: () => clock.now,
    random: () => 0.5,
    ...overrides,
  };
  const run = reconcileFederatedIdentity(dependencies);
  const reconcile = async (): Promise<Result> => {
    const running = Promise.allSettled([
      run(request, { signal: new AbortController().signal, log: pino({ level: 'silent' }) }),
    ]);
    await vi.runAllTimersAsync();
    const [outcome] = await running;
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  };
  return {
    kubernetes,
    iam,
    exchanged,
    clock,
    sts,
    dependencies,
    reconcile,
    failure: () => thrownBy(reconcile),
    reconcileSettled: async () => {
      expect(await thrownBy(reconcile)).toMatchObject({ reason: 'Propagating' });
      clock.now = new Date(clock.now.getTime() + dependencies.knownRoles.consistencyWindowMs + 1_000);
      await reconcile();
    },
    stored: () => {
      const object = kubernetes.read<AwsFederatedIdentity>(IDENTITIES, request);
      if (object !== undefined) expectGoodStatus(object);
      return object;
    },
    restarted: () => scene(identity, kubernetes, iam, overrides),
  };
}

/** The identity with another spec, as after a kubectl apply. */
export function edit({ kubernetes, stored }: IdentityScene, spec: object): void {
  const before = stored();
  const { generation = 0 } = before?.metadata ?? {};
  const { spec: edited } = anIdentity({ spec });
  kubernetes.put(IDENTITIES, {
    ...before,
    metadata: { ...before?.metadata, generation: generation + 1 },
    spec: edited,
  });
}
