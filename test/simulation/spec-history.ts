import { type AwsFederatedIdentity, type AwsOidcProvider, IDENTITIES, PROVIDERS } from '../../src/kube/kinds.ts';
import type { ApiServer } from './api-server.ts';
import { accessOf, desiredOf } from './desired-roles.ts';

/** What specs asked for at a time, until the next one. */
export interface Asked {
  readonly at: number;
  readonly access: ReadonlySet<string>;
  /** Ids of roles that could be adopted. */
  readonly adoptable: string | undefined;
}

/** The longest stall of a watch in a script. */
export const STALLED_WATCH_MS = 60_000;

interface Sources {
  readonly api: ApiServer;
  readonly now: () => number;
}

/** What identities and their provider asked for in the course of time, as an operator can have seen them. */
export class SpecHistory {
  readonly #sources: Sources;
  /** By role name and by identity. */
  readonly #asked = new Map<string, Map<string, Asked[]>>();
  /** The provider as it was, and until when. */
  readonly #formerProviders: { readonly provider: AwsOidcProvider; readonly until: number }[] = [];
  /** By UID, the last generation that was seen. */
  readonly #generations = new Map<string, number>();

  constructor(sources: Sources) {
    this.#sources = sources;
  }

  /** All that was asked for of a role since a time. */
  since(name: string, time: number): readonly Asked[] {
    return [...(this.#asked.get(name)?.values() ?? [])].flatMap((all) =>
      all.filter((_, index) => (all[index + 1]?.at ?? Infinity) >= time),
    );
  }

  /** The provider has changed from `previous`; undefined for a new one. */
  onProvider(previous: AwsOidcProvider | undefined): void {
    if (previous !== undefined) this.#formerProviders.push({ provider: previous, until: this.#sources.now() });
    this.#recordAll();
  }

  /** Two watches are two lanes: a new spec can come before a change of the provider that is older. */
  onIdentity(identity: AwsFederatedIdentity): void {
    const { uid = '', generation = 0 } = identity.metadata;
    if (this.#generations.get(uid) !== generation) {
      this.#generations.set(uid, generation);
      const since = this.#sources.now() - STALLED_WATCH_MS;
      for (const { provider, until } of this.#formerProviders) if (until >= since) this.#record(identity, provider);
    }
    this.#recordAll();
  }

  #recordAll(): void {
    const { api } = this.#sources;
    const provider = api.read<AwsOidcProvider>(PROVIDERS, { name: 'default' });
    if (provider === undefined) return;
    for (const identity of api.all<AwsFederatedIdentity>(IDENTITIES)) this.#record(identity, provider);
  }

  #record(identity: AwsFederatedIdentity, provider: AwsOidcProvider): void {
    const { uid = '' } = identity.metadata;
    const at = this.#sources.now();
    const desired = desiredOf(identity, provider);
    if (desired instanceof Error) {
      for (const byIdentity of this.#asked.values())
        append(byIdentity, uid, { at, access: new Set(), adoptable: undefined });
      return;
    }
    const byIdentity = this.#asked.get(desired.role.name) ?? new Map<string, Asked[]>();
    this.#asked.set(desired.role.name, byIdentity);
    const adoptable = desired.adoption?.allowed === true ? desired.adoption.roleId : undefined;
    append(byIdentity, uid, { at, access: accessOf(desired.role), adoptable });
  }
}

function append(byIdentity: Map<string, Asked[]>, uid: string, asked: Asked): void {
  const all = byIdentity.get(uid) ?? [];
  byIdentity.set(uid, all);
  const last = all.at(-1);
  const isSame = last?.adoptable === asked.adoptable && last?.access.symmetricDifference(asked.access).size === 0;
  if (!isSame) all.push(asked);
}
