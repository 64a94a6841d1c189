import { randomBytes } from 'node:crypto';
import { AWS_MANAGED_POLICIES } from './aws-managed-policies.ts';
import { VersionedMap } from './versioned-map.ts';

export interface Tag {
  readonly Key: string;
  readonly Value: string;
}

export interface Role {
  readonly name: string;
  readonly path: string;
  readonly id: string;
  readonly arn: string;
  readonly createDate: Date;
  readonly trustPolicy: string;
  readonly description?: string | undefined;
  readonly maxSessionDuration: number;
  readonly permissionsBoundary?: string | undefined;
  readonly tags: readonly Tag[];
  readonly attachedPolicies: readonly string[];
  readonly inlinePolicies: Readonly<Record<string, string>>;
  readonly instanceProfiles: readonly string[];
}

export interface OidcProvider {
  readonly arn: string;
  /** With `https://`, byte for byte as created; reads answer it without the scheme. */
  readonly url: string;
  readonly clientIds: readonly string[];
  readonly thumbprints: readonly string[];
  readonly tags: readonly Tag[];
  readonly createDate: Date;
}

export interface ManagedPolicy {
  readonly arn: string;
  readonly name: string;
  readonly path: string;
  readonly id: string;
  readonly document: string;
  readonly description?: string | undefined;
  readonly tags: readonly Tag[];
  readonly createDate: Date;
}

interface User {
  readonly name: string;
  readonly id: string;
  readonly arn: string;
  readonly policyDocument: string;
}

export interface StoredObject {
  readonly body: Buffer;
  readonly etag: string;
  readonly lastModified: Date;
  /** Headers that a read gives back: content-type, cache-control, x-amz-meta-*. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface Bucket {
  readonly name: string;
  readonly account: string;
  readonly region: string;
  readonly createDate: Date;
  readonly policy?: string | undefined;
  readonly objects: Map<string, StoredObject>;
}

/** Account quotas as GetAccountSummary names them; `pageSize` caps a page below what the caller asked for. */
export interface Quotas {
  readonly assumeRolePolicySize: number;
  readonly attachedPoliciesPerRole: number;
  readonly rolePolicySize: number;
  readonly policySize: number;
  readonly roles: number;
  readonly policies: number;
  readonly oidcProviders: number;
  readonly pageSize: number;
}

/** Defaults of a new account, as GetAccountSummary answers them [recorded 2026-02]. */
const DEFAULT_QUOTAS: Quotas = {
  assumeRolePolicySize: 2048,
  attachedPoliciesPerRole: 10,
  rolePolicySize: 10_240,
  policySize: 6144,
  roles: 1000,
  policies: 1500,
  oidcProviders: 100,
  pageSize: 1000,
};

export interface AccountState {
  readonly id: string;
  /** Keyed by the lower-case name: role names are unique ignoring case and path. */
  readonly roles: VersionedMap<Role>;
  readonly providers: VersionedMap<OidcProvider>;
  readonly policies: VersionedMap<ManagedPolicy>;
  readonly users: Map<string, User>;
  quotas: Quotas;
}

export type Credential =
  | {
      readonly kind: 'user';
      readonly accessKeyId: string;
      readonly secretAccessKey: string;
      readonly account: string;
      readonly userName: string;
    }
  | {
      readonly kind: 'session';
      readonly accessKeyId: string;
      readonly secretAccessKey: string;
      readonly sessionToken: string;
      readonly expiration: Date;
      readonly account: string;
      readonly roleName: string;
      readonly roleId: string;
      readonly sessionName: string;
      readonly sessionPolicy?: string | undefined;
    };

/** Everything that exists: accounts, credentials and the globally named buckets. */
export interface World {
  readonly partition: string;
  readonly accounts: ReadonlyMap<string, AccountState>;
  readonly credentials: Map<string, Credential>;
  readonly buckets: Map<string, Bucket>;
  readonly now: () => Date;
}

/** An empty world with the given accounts; each sees the preloaded AWS managed policies. */
export function createWorld(partition: string, accountIds: readonly string[], now: () => Date): World {
  const accounts = new Map(accountIds.map((id) => [id, createAccount(partition, id, now)]));
  return { partition, accounts, credentials: new Map(), buckets: new Map(), now };
}

function createAccount(partition: string, id: string, now: () => Date): AccountState {
  const policies = new VersionedMap<ManagedPolicy>(now);
  for (const { name, path, document } of AWS_MANAGED_POLICIES) {
    const arn = `arn:${partition}:iam::aws:policy${path}${name}`;
    const createDate = new Date('2015-02-06T18:40:00Z');
    const policy = { arn, name, path, id: uniqueId('ANPA'), document: JSON.stringify(document), tags: [], createDate };
    policies.set(arn, policy, createDate.getTime());
  }
  return {
    id,
    roles: new VersionedMap(now),
    providers: new VersionedMap(now),
    policies,
    users: new Map(),
    quotas: DEFAULT_QUOTAS,
  };
}

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** A unique id as IAM's (`AROA…`, `ANPA…`, `AKIA…`): four letters and `length` base-32 characters. */
export function uniqueId(prefix: string, length = 17): string {
  return prefix + Array.from(randomBytes(length), (byte) => BASE32[byte % 32]).join('');
}
