import type { AwsAccount, Iam } from '../../src/iam/account.ts';
import { Partition, type OidcProviderArn, type RoleName } from '../../src/iam/arn.ts';
import type { DesiredOidcProvider, OidcProvider, OidcProviders } from '../../src/iam/oidc-providers.ts';
import type { DesiredRole, Role, Roles } from '../../src/iam/roles.ts';
import type { Tags } from '../../src/iam/tags.ts';
import { ACCOUNT, roleArn } from './builders.ts';
import { type InMemoryBucket, inMemoryBucket } from './in-memory-s3.ts';

/** IAM's calls in their order, as `CreateRole analytics-reports`. */
export type OperationLog = string[];

export const isWrite = (operation: string): boolean => !operation.startsWith('Get');

/** Thrown instead of an answer, once, before (`refused`) or after (`lost`) the call took effect. */
export interface Fault {
  readonly operation: string;
  readonly error: Error;
  readonly effect: 'refused' | 'lost';
}

interface InMemory<T> {
  readonly operations: OperationLog;
  readonly faults: Fault[];
  readonly state: Map<string, T>;
}

export interface InMemoryRoles extends InMemory<Role> {
  readonly roles: Roles;
}

/** Roles as IAM keeps them. */
export function inMemoryRoles(...initial: readonly Role[]): InMemoryRoles {
  const { state, operations, faults, call } = memory<Role>(new Map(initial.map((role) => [role.name, role])));
  let created = 0;
  const change = (operation: string, name: RoleName, changed: (role: Role) => Partial<Role>): Promise<void> =>
    call(operation, name, () => {
      const role = state.get(name);
      if (role === undefined) throw new Error(`${operation}: role ${name} is missing`);
      state.set(name, { ...role, ...changed(role) });
    });
  const roles: Roles = {
    get: (name) => call('GetRole', name, () => state.get(name)),
    getSettings: (name) => call('GetRole', name, () => state.get(name)),
    create: (role) =>
      call('CreateRole', role.name, () => {
        if (state.has(role.name)) return 'EntityAlreadyExists';
        created += 1;
        const reference = { arn: roleArn(role.name, role.path), id: `AROANEW${String(created).padStart(12, '0')}` };
        state.set(role.name, { ...role, ...NO_POLICIES, ...reference });
        return reference;
      }),
    delete: (name) => call('DeleteRole', name, () => void state.delete(name)),
    updateTrustPolicy: (name, document) => change('UpdateAssumeRolePolicy', name, () => ({ trustPolicy: document })),
    update: (name, { description, maxSessionDurationSeconds }) =>
      change('UpdateRole', name, () => ({ description, maxSessionDurationSeconds })),
    putPermissionsBoundary: (name, boundary) =>
      change('PutRolePermissionsBoundary', name, () => ({ permissionsBoundaryArn: boundary })),
    deletePermissionsBoundary: (name) =>
      change('DeleteRolePermissionsBoundary', name, () => ({ permissionsBoundaryArn: undefined })),
    attachPolicy: (name, policy) =>
      change('AttachRolePolicy', name, ({ managedPolicyArns: arns }) => ({
        managedPolicyArns: arns.union(new Set([policy])),
      })),
    detachPolicy: (name, policy) =>
      change('DetachRolePolicy', name, ({ managedPolicyArns: arns }) => ({
        managedPolicyArns: arns.difference(new Set([policy])),
      })),
    putInlinePolicy: (name, policyName, document) =>
      change('PutRolePolicy', name, ({ inlinePolicies: policies }) => ({
        inlinePolicies: new Map([...policies, [policyName, document]]),
      })),
    deleteInlinePolicy: (name, policyName) =>
      change('DeleteRolePolicy', name, ({ inlinePolicies: policies }) => ({
        inlinePolicies: without(policies, [policyName]),
      })),
    tag: (name, tags) =>
      change('TagRole', name, (role) => ({ tags: new Map([...withoutTags(role.tags, [...tags.keys()]), ...tags]) })),
    untag: (name, keys) => change('UntagRole', name, (role) => ({ tags: withoutTags(role.tags, keys) })),
  };
  return { roles, state, operations, faults };
}

const NO_POLICIES: Pick<DesiredRole, 'managedPolicyArns' | 'inlinePolicies'> = {
  managedPolicyArns: new Set(),
  inlinePolicies: new Map(),
};

/** Keys of a role's tags that differ only in case are one key. */
function withoutTags(tags: Tags, keys: readonly string[]): Tags {
  const gone = new Set(keys.map((key) => key.toLowerCase()));
  return new Map([...tags].filter(([key]) => !gone.has(key.toLowerCase())));
}

const without = <V>(map: ReadonlyMap<string, V>, keys: readonly string[]): ReadonlyMap<string, V> =>
  new Map([...map].filter(([key]) => !keys.includes(key)));

export interface InMemoryOidcProviders extends InMemory<OidcProvider> {
  readonly oidcProviders: OidcProviders;
}

/** OIDC providers as IAM keeps them; without thumbprints, IAM finds one itself. */
export function inMemoryOidcProviders(
  initial: Readonly<Record<OidcProviderArn, OidcProvider>> = {},
): InMemoryOidcProviders {
  const { state, operations, faults, call } = memory<OidcProvider>(new Map(Object.entries(initial)));
  const change = (
    operation: string,
    arn: OidcProviderArn,
    changed: (provider: OidcProvider) => Partial<OidcProvider>,
  ): Promise<void> =>
    call(operation, arn, () => {
      const provider = state.get(arn);
      if (provider === undefined) throw new Error(`${operation}: OIDC provider ${arn} is missing`);
      state.set(arn, { ...provider, ...changed(provider) });
    });
  const create = ({ arn, clientIds, thumbprints = ['0'.repeat(40)], tags }: DesiredOidcProvider) => {
    if (state.has(arn)) return 'EntityAlreadyExists';
    state.set(arn, { clientIds, thumbprints, tags });
    return 'created';
  };
  const oidcProviders: OidcProviders = {
    get: (arn) => call('GetOpenIDConnectProvider', arn, () => state.get(arn)),
    create: (provider) => call('CreateOpenIDConnectProvider', provider.arn, () => create(provider)),
    delete: (arn) => call('DeleteOpenIDConnectProvider', arn, () => void state.delete(arn)),
    addClientId: (arn, clientId) =>
      change('AddClientIDToOpenIDConnectProvider', arn, ({ clientIds }) => ({
        clientIds: clientIds.union(new Set([clientId])),
      })),
    removeClientId: (arn, clientId) =>
      change('RemoveClientIDFromOpenIDConnectProvider', arn, ({ clientIds }) => ({
        clientIds: clientIds.difference(new Set([clientId])),
      })),
    updateThumbprints: (arn, thumbprints) =>
      change('UpdateOpenIDConnectProviderThumbprint', arn, () => ({ thumbprints })),
  };
  return { oidcProviders, state, operations, faults };
}

/** An account that the operator is in; its inventory sees roles under a path as they are. */
export function inMemoryAccount(
  { roles, state, operations }: InMemoryRoles = inMemoryRoles(),
  { oidcProviders }: InMemoryOidcProviders = inMemoryOidcProviders(),
  { objects }: InMemoryBucket = inMemoryBucket(),
): AwsAccount {
  const iam: Iam = {
    roles,
    oidcProviders,
    inventory: {
      roles: async ({ pathPrefix, names, isMarked }) => {
        operations.push(`GetAccountAuthorizationDetails ${pathPrefix}`);
        const under = [...state.values()].filter(({ path }) => path.startsWith(pathPrefix));
        return {
          roles: new Map(under.filter(({ name }) => names.has(name)).map((role) => [role.name, role])),
          marked: new Map(under.filter(({ tags }) => isMarked(tags)).map(({ name, tags }) => [name, tags])),
        };
      },
    },
  };
  return {
    ...iam,
    background: iam,
    caller: async () => ({
      arn: `arn:aws:sts::${ACCOUNT}:assumed-role/operator/session`,
      account: ACCOUNT,
      partition: Partition.parse('aws'),
    }),
    bucket: () => objects,
  };
}

interface Memory<T> extends InMemory<T> {
  readonly call: <R>(operation: string, name: string, effect: () => R) => Promise<R>;
}

function memory<T>(state: Map<string, T>): Memory<T> {
  const operations: OperationLog = [];
  const faults: Fault[] = [];
  const call = async <R>(operation: string, name: string, effect: () => R): Promise<R> => {
    operations.push(`${operation} ${name}`);
    const fault = faults.find((one) => one.operation === operation);
    if (fault !== undefined) faults.splice(faults.indexOf(fault), 1);
    if (fault?.effect === 'refused') throw fault.error;
    const result = effect();
    if (fault !== undefined) throw fault.error;
    return result;
  };
  return { state, operations, faults, call };
}
