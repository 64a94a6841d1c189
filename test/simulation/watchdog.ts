import { CONFIG_MAPS, type InjectionTable, TABLE_NAME } from '../../src/kube/injection-table.ts';
import type { Role } from '../../src/iam/roles.ts';
import { CLUSTER_TAG } from '../../src/iam/tags.ts';
import {
  type AwsFederatedIdentity,
  type AwsOidcProvider,
  BOUND_LABEL,
  FINALIZER,
  IDENTITIES,
  PROVIDERS,
} from '../../src/kube/kinds.ts';
import { CLUSTER } from '../support/builders.ts';
import type { InMemoryBucket } from '../support/in-memory-s3.ts';
import type { ApiServer, Commit } from './api-server.ts';
import type { Aws, RoleWrite } from './aws.ts';
import { accessOf } from './desired-roles.ts';
import { type Asked, SpecHistory, STALLED_WATCH_MS } from './spec-history.ts';
import { isProvenProvider, proofOf } from './proofs.ts';
import { SCRIPT_MS, SERVICE_ACCOUNTS } from './script.ts';

export interface Violation {
  /** Name of the invariant. */
  readonly invariant: string;
  readonly what: string;
  readonly at: number;
}

/**
 * How old the specs can be that a write rests on: a stalled watch, a reconcile up to its time limit, a request of a dead
 * process on its way.
 */
const STALE_MS = STALLED_WATCH_MS + 120_000 + 30_000 + 15_000;
/** How old can be what the operator believes of a role: IAM's lag or the consistency window, and then as above. */
const BELIEF_MS = 60_000 + STALE_MS;

interface Sources {
  readonly api: ApiServer;
  readonly aws: Aws;
  readonly bucket: Pick<InMemoryBucket, 'onWrite'>;
  readonly now: () => number;
}

/** Judges every single write at its time. */
export class Watchdog {
  readonly #sources: Sources;
  readonly violations: Violation[] = [];
  readonly #asked: SpecHistory;
  /** Roles that the operator made or adopted. */
  readonly #ours = new Set<string>();
  /** Roles that a person took away from the operator, and when. */
  readonly #takenAt = new Map<string, number>();
  /** When a person last touched a role, by name, until it is as desired again. */
  readonly #touched = new Map<string, number>();
  /** When a role that was there went from under its name. */
  readonly #replacedAt = new Map<string, number>();
  readonly #everTouched = new Set<string>();
  #providerEditedAt = -Infinity;
  /** When the provider was last known to be ready for its generation, until a change. */
  #providerProvenAt = -Infinity;
  #latestTerm = 0;
  #tableTouchedAt = -Infinity;
  #apiTroubleUntil = -Infinity;
  /** When each generation came to be. */
  readonly #generations = new Map<string, number>();
  /** Identities whose role stays by their own wish when they go. */
  readonly retained = new Set<string>();
  lastWriteAt = -Infinity;
  readonly writes: { readonly at: number; readonly what: string }[] = [];

  constructor(sources: Sources) {
    this.#sources = sources;
    this.#asked = new SpecHistory(sources);
    sources.api.onCommit((commit) => this.#onCommit(commit));
    sources.aws.onRoleWrite = (write) => this.#onRoleWrite(write);
    sources.aws.onProviderWrite = () => this.#wrote('OIDC provider');
    sources.bucket.onWrite((operation) => this.#wrote(operation));
  }

  /** A person changes a role at the console. */
  touched(name: string): void {
    this.#touched.set(name, this.#sources.now());
    this.#everTouched.add(name);
  }

  replaced(name: string): void {
    this.#replacedAt.set(name, this.#sources.now());
  }

  taken(roleId: string): void {
    this.#takenAt.set(roleId, this.#sources.now());
  }

  /** It carries no tags any more: a role that the operator made is its own again. */
  stripped(roleId: string): void {
    this.#takenAt.delete(roleId);
  }

  /** The API server may refuse the repair of a table for so long. */
  apiTrouble(until: number): void {
    this.#apiTroubleUntil = Math.max(this.#apiTroubleUntil, until);
  }

  tableTouched(): void {
    this.#tableTouchedAt = this.#sources.now();
  }

  /** The operator says that somebody changed a role behind its back. */
  repaired({ metadata: { namespace, name }, status }: AwsFederatedIdentity): void {
    const role = status?.roleArn?.split('/').at(-1) ?? '';
    const isAsked = this.#sources.now() - this.#providerEditedAt < SCRIPT_MS; // identities tell edits by their generation
    if (!this.#everTouched.has(role) && !isAsked)
      this.report('false drift', `${namespace}/${name} was repaired, and nobody had touched ${role}`);
  }

  /** A process sends a write to IAM: never after one of a later term has done so. */
  writeSent(operation: string, term: number): void {
    if (term < this.#latestTerm)
      this.report('two leaders', `${operation} is sent in term ${term}, after a write of term ${this.#latestTerm}`);
    this.#latestTerm = Math.max(this.#latestTerm, term);
  }

  event(): void {
    this.#wrote('Event');
  }

  report(invariant: string, what: string): void {
    this.violations.push({ invariant, what, at: this.#sources.now() });
  }

  #wrote(what: string): void {
    this.lastWriteAt = this.#sources.now();
    this.writes.push({ at: this.lastWriteAt, what });
  }

  #onRoleWrite({ operation, name, before, after }: RoleWrite): void {
    const now = this.#sources.now();
    this.#wrote(`${operation} ${name}`);
    if (operation === 'CreateRole' && after !== undefined) this.#judgeCreation(after);
    const recent = this.#asked.since(name, now - STALE_MS);
    if (before !== undefined) this.#judgeOwnership(operation, before, recent, now);
    this.#judgeProvider(operation, after ?? before);
    const allowed = recent.reduce((all, { access }) => all.union(access), accessOf(before));
    const touchedAt = this.#touched.get(name);
    const wider = accessOf(after).difference(allowed);
    if (wider.size > 0 && touchedAt === undefined)
      this.report('I4', `${operation} ${name} allows ${[...wider].join(' and ')}`);
    const current = this.#asked
      .since(name, now)
      .some(({ access }) => after !== undefined && access.symmetricDifference(accessOf(after)).size === 0);
    if (touchedAt !== undefined && current && now - touchedAt > BELIEF_MS) this.#touched.delete(name);
  }

  /** A role is made with its owner's tags, and only for an identity that cannot go without its clean-up, or whose role stays. */
  #judgeCreation({ id, name, tags }: Role): void {
    this.#ours.add(id);
    const uid = tags.get('federatedidentity.dev/uid');
    const owner = this.#sources.api.all(IDENTITIES).find(({ metadata }) => metadata.uid === uid);
    if (tags.get(CLUSTER_TAG) !== CLUSTER || uid === undefined) this.report('I1', `CreateRole ${name} without owner`);
    if (owner?.metadata.finalizers?.includes(FINALIZER) !== true && !this.retained.has(uid ?? ''))
      this.report('I2', `CreateRole ${name} for ${uid}, which no finalizer holds`);
  }

  /** Roles are made and changed only below a provider that works, as far as the operator can know. */
  #judgeProvider(operation: string, role: Role | undefined): void {
    const { api, now } = this.#sources;
    const uid = role?.tags.get('federatedidentity.dev/uid');
    const owner = api.all(IDENTITIES).find(({ metadata }) => metadata.uid === uid);
    if (owner === undefined || owner.metadata.deletionTimestamp !== undefined) return;
    const provider = api.read<AwsOidcProvider>(PROVIDERS, { name: 'default' });
    if ((provider !== undefined && isProvenProvider(provider)) || now() - this.#providerProvenAt <= STALE_MS) return;
    this.report('unproven provider', `${operation} ${role?.name} while the provider is not ready for its spec`);
  }

  #judgeOwnership(
    operation: string,
    before: { readonly id: string; readonly name: string },
    recent: readonly Asked[],
    now: number,
  ): void {
    if (recent.some(({ adoptable }) => adoptable === before.id)) this.#ours.add(before.id);
    const takenAt = this.#takenAt.get(before.id);
    const isForeign = takenAt === undefined ? !this.#ours.has(before.id) : now - takenAt > BELIEF_MS;
    const isReplaced = now - (this.#replacedAt.get(before.name) ?? -Infinity) <= BELIEF_MS;
    if (isForeign && !(takenAt === undefined && isReplaced))
      this.report('I1', `${operation} on ${before.name} (${before.id}), which is not ours`);
  }

  #onCommit({ kind, type, object, previous, author }: Commit): void {
    if (author === 'operator') this.#wrote(`${kind} ${object.metadata.namespace ?? ''}/${object.metadata.name}`);
    if (kind === PROVIDERS.kind && author === 'user' && previous !== undefined)
      this.#providerEditedAt = this.#sources.now();
    if (kind === PROVIDERS.kind && previous !== undefined && isProvenProvider(previous as AwsOidcProvider))
      this.#providerProvenAt = this.#sources.now();
    if (kind === PROVIDERS.kind) this.#asked.onProvider(previous as AwsOidcProvider | undefined);
    if (kind === IDENTITIES.kind) this.#asked.onIdentity(object as AwsFederatedIdentity);
    if (kind === IDENTITIES.kind)
      this.#onIdentity(object as AwsFederatedIdentity, previous as AwsFederatedIdentity | undefined, type);
    this.#judgePods();
  }

  #onIdentity(object: AwsFederatedIdentity, previous: AwsFederatedIdentity | undefined, type: Commit['type']): void {
    const { uid = '', generation = 0 } = object.metadata;
    const now = this.#sources.now();
    const key = `${uid}/${generation}`;
    if (!this.#generations.has(key)) this.#generations.set(key, now);
    const { spec } = object;
    const isGoing = type === 'deleted' || object.metadata.deletionTimestamp !== undefined; // an edit after that can come too late
    if (isGoing && (spec.deletionPolicy === 'Retain' || spec.managementPolicy === 'Observe')) this.retained.add(uid);
    const [before, after] = [proofOf(previous), proofOf(object)];
    if (after !== undefined && after !== before) this.#judgeProof(object, Number(after.split('/')[0]));
  }

  /** A new proof rests on an exchange for this very role since this generation came to be. */
  #judgeProof({ metadata: { uid = '', namespace, name }, status }: AwsFederatedIdentity, generation: number): void {
    const since = this.#generations.get(`${uid}/${generation}`) ?? 0;
    const { exchanges } = this.#sources.aws;
    const isProven = exchanges.some(
      ({ at, roleId, arn }) =>
        at >= since && (roleId === status?.roleId || (arn === status?.roleArn && this.#isReplaced(arn))),
    );
    if (!isProven)
      this.report(
        'I5',
        `${namespace}/${name} is verified for generation ${generation} without an exchange for ${status?.roleId}`,
      );
  }

  /** A person put another role under the name, so short ago that the operator need not know. */
  #isReplaced(arn: string): boolean {
    const touchedAt = this.#touched.get(arn.slice(arn.lastIndexOf('/') + 1)) ?? -Infinity;
    return this.#sources.now() - touchedAt <= BELIEF_MS;
  }

  /** Where every identity of a ServiceAccount is bound, the pending gate is open: then the table must answer. */
  #judgePods(): void {
    const { api, now } = this.#sources;
    const mendableAt = Math.max(this.#tableTouchedAt, this.#apiTroubleUntil);
    if (this.#tableTouchedAt > -Infinity && now() - mendableAt < STALE_MS) return;
    const identities = api.all<AwsFederatedIdentity>(IDENTITIES);
    for (const namespace of new Set(identities.map(({ metadata }) => metadata.namespace))) {
      const table = api.read<InjectionTable>(CONFIG_MAPS, { namespace, name: TABLE_NAME });
      for (const name of SERVICE_ACCOUNTS) {
        const users = identities.filter(
          ({ metadata, spec }) => metadata.namespace === namespace && spec.serviceAccount.name === name,
        );
        // Without an identity, or with one that goes, pods without a role are what was asked for.
        if (
          users.every(({ metadata }) => metadata.deletionTimestamp !== undefined) ||
          table?.data?.[name] !== undefined
        )
          continue;
        if (users.every(({ metadata }) => metadata.labels?.[BOUND_LABEL] === 'true'))
          this.report('plain pods', `pods of ${namespace}/${name} would start without their role`);
      }
    }
  }
}
