import { ApiError, isConflict, undefinedIfNotFound } from '../../src/kube/errors.ts';
import { CONFIG_MAPS, type InjectionTable, TABLE_NAME } from '../../src/kube/injection-table.ts';
import { type AwsFederatedIdentity, IDENTITIES, SERVICE_ACCOUNTS } from '../../src/kube/kinds.ts';
import type { KubernetesResource } from '../../src/kube/resource.ts';
import { ACCOUNT } from '../../dev/stack/stack.ts';
import type { ChaosCluster } from './chaos-cluster.ts';
import { type Claim, History } from './chaos-history.ts';
import type { Random } from './chaos-random.ts';

/** How the role of a ServiceAccount comes and goes. A `steady` one keeps what it has from before the first pod on. */
export type Tenancy = 'identity' | 'steadyIdentity' | 'annotation' | 'steadyAnnotation' | 'never';

export interface Tenant {
  readonly tenancy: Tenancy;
  readonly history: History;
}

export const NAMESPACES = ['chaos-a', 'chaos-b', 'chaos-c'] as const;
const COUNTS: Readonly<Record<Tenancy, number>> = {
  identity: 4,
  steadyIdentity: 2,
  annotation: 4,
  steadyAnnotation: 1,
  never: 3,
};

export const tenants = (): readonly Tenant[] =>
  NAMESPACES.flatMap((namespace) => [
    { tenancy: 'never' as const, history: new History(namespace, 'default') },
    ...Object.entries(COUNTS).flatMap(([tenancy, count]) =>
      Array.from({ length: count }, (_, index) => ({
        tenancy: tenancy as Tenancy, // entries of a record are typed by their values only
        history: new History(namespace, `${tenancy.toLowerCase()}-${index}`),
      })),
    ),
  ]);

const ROLE_ARN = 'eks.amazonaws.com/role-arn';
const S3_READ = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';
const SQS_READ = 'arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess';
const PAUSE_MS = 100;
const signal = new AbortController().signal;
export const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Sends a request until it is answered: the API server is away now and then. */
export async function persist<T>(request: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await request();
    } catch (error) {
      if (error instanceof ApiError && error.code < 500 && error.code !== 429) throw error;
      await pause(PAUSE_MS);
    }
  }
}

let roles = 0;

/** Writes of the owners of ServiceAccounts, each told to the history of its ServiceAccount. */
export class Lives {
  readonly #cluster: ChaosCluster;
  readonly #random: Random;

  constructor(cluster: ChaosCluster, random: Random) {
    this.#cluster = cluster;
    this.#random = random;
  }

  /** One step in the life of a ServiceAccount; resolves when the write is answered and, where a role went, it is gone. */
  async step({ tenancy, history }: Tenant): Promise<void> {
    const has = history.claim.kind === 'role';
    switch (tenancy) {
      case 'never':
        return undefined;
      case 'identity':
        if (!has) return this.createIdentity(history);
        return this.#random.chance(0.5) ? this.#deleteIdentity(history) : this.#changeIdentity(history);
      case 'steadyIdentity':
        return this.#changeIdentity(history);
      case 'annotation':
        return has && this.#random.chance(0.5) ? this.#removeAnnotation(history) : this.annotate(history);
      case 'steadyAnnotation':
        return this.annotate(history);
    }
  }

  async createIdentity(history: History): Promise<void> {
    const { namespace, name } = history;
    roles += 1;
    const role = { name: `chaos-${name}-${roles}`, managedPolicyArns: [S3_READ] };
    const roleArn = `arn:aws:iam::${ACCOUNT}:role/federated/${role.name}`;
    const identity = {
      metadata: { namespace, name },
      spec: { serviceAccount: { name }, role, suspend: this.#random.chance(0.1) },
    };
    const end = history.begin({ kind: 'role', roleArn, by: 'identity' }, `identity with ${role.name}`);
    await persist(() => this.#cluster.kubernetes.create<KubernetesResource>(IDENTITIES, identity, signal)).catch(
      (error: unknown) => {
        if (!isConflict(error)) throw error; // an earlier attempt was carried out, and its answer lost
      },
    );
    end();
  }

  async #changeIdentity(history: History): Promise<void> {
    const spec = this.#random.pick([
      { suspend: true },
      { suspend: false },
      { suspend: false },
      { suspend: false, tokenExpirationSeconds: Math.floor(this.#random.between(600, 3_600)) },
      { suspend: false, role: { managedPolicyArns: [this.#random.pick([S3_READ, SQS_READ])] } },
    ]);
    history.note(`identity: ${JSON.stringify(spec)}`);
    await persist(() => this.#cluster.kubernetes.mergePatch(IDENTITIES, history, { spec }, signal));
  }

  async resume(history: History): Promise<void> {
    await persist(() => this.#cluster.kubernetes.mergePatch(IDENTITIES, history, { spec: { suspend: false } }, signal));
  }

  async #deleteIdentity(history: History): Promise<void> {
    const { kubernetes } = this.#cluster;
    const end = history.begin({ kind: 'none' }, 'deletion of the identity');
    await persist(() => kubernetes.delete(IDENTITIES, history, {}, signal)).catch(undefinedIfNotFound);
    const read = (): Promise<AwsFederatedIdentity | undefined> =>
      persist(() => kubernetes.get<AwsFederatedIdentity>(IDENTITIES, history, signal)).catch(undefinedIfNotFound);
    while ((await read()) !== undefined) await pause(PAUSE_MS);
    await untilNoEntry(history);
    end();
  }

  async annotate(history: History): Promise<void> {
    roles += 1;
    const roleArn = `arn:aws:iam::${ACCOUNT}:role/by-hand/${history.name}-${roles}`;
    await this.#annotate(history, roleArn, { kind: 'role', roleArn, by: 'annotation' });
  }

  async #removeAnnotation(history: History): Promise<void> {
    await this.#annotate(history, null, { kind: 'none' });
  }

  async #annotate(history: History, value: string | null, claim: Claim): Promise<void> {
    const end = history.begin(claim, `annotation ${value ?? 'removed'}`);
    const patch = { metadata: { annotations: { [ROLE_ARN]: value } } };
    await persist(() => this.#cluster.kubernetes.mergePatch(SERVICE_ACCOUNTS, history, patch, signal));
    if (claim.kind === 'none') await untilNoEntry(history);
    end();
  }
}

async function untilNoEntry(history: History): Promise<void> {
  const begin = performance.now();
  while (!history.hasNoEntrySince(begin)) await pause(PAUSE_MS);
}

/** Reads the tables all the time, for the histories; resolves after `stop` is aborted. */
export async function watchTables(
  { kubernetes }: ChaosCluster,
  all: readonly Tenant[],
  stop: AbortSignal,
): Promise<void> {
  while (!stop.aborted) {
    const asked = performance.now();
    const { items } = await persist(() =>
      kubernetes.list<InjectionTable>(CONFIG_MAPS, { fieldSelector: `metadata.name=${TABLE_NAME}` }, signal),
    );
    const tables = new Map(items.map((table) => [table.metadata.namespace, table.data ?? {}]));
    for (const { history } of all) history.see(tables.get(history.namespace)?.[history.name], asked);
    await pause(PAUSE_MS);
  }
}
