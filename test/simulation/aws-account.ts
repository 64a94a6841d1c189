import type { AwsAccount, Iam } from '../../src/iam/account.ts';
import type { OidcProviderArn, PolicyArn, RoleName } from '../../src/iam/arn.ts';
import { CircuitBreaker } from '../../src/iam/breaker.ts';
import { CallGate } from '../../src/iam/call-gate.ts';
import { classify } from '../../src/iam/errors.ts';
import type { OidcProvider, OidcProviders } from '../../src/iam/oidc-providers.ts';
import type { PolicyDocument } from '../../src/iam/policy-document.ts';
import { type Priority, RateLimit } from '../../src/iam/rate-limit.ts';
import type { Role, Roles, RoleSettings } from '../../src/iam/roles.ts';
import { Session } from '../../src/iam/session.ts';
import { ACCOUNT, awsError } from '../support/builders.ts';
import type { InMemoryBucket } from '../support/in-memory-s3.ts';
import { type Aws, missing } from './aws.ts';
import { bucketOf } from './bucket.ts';
import type { Line } from './network.ts';
import type { VirtualTime } from './virtual-time.ts';

interface Parts {
  readonly aws: Aws;
  readonly bucket: InMemoryBucket;
  readonly line: Line;
  readonly time: VirtualTime;
  /** Throws when the process may not write any more. */
  readonly fence: () => void;
  /** Told of each write as it is sent. */
  readonly onWrite: (operation: string) => void;
}

/** One call to IAM: through the real gate, classified by the real table of errors. */
type Call = <T>(operation: string, name: string, effect: () => T, signal: AbortSignal) => Promise<T>;

/** An account as one process of the operator reaches it: the real gate, rate limit, breaker and session before IAM's model. */
export function accountOf({ aws, bucket, line, time, fence, onWrite }: Parts): AwsAccount {
  const clock = { now: time.now, after: time.after };
  const breaker = new CircuitBreaker({ clock });
  const limit = new RateLimit({ clock, callsPerSecond: 10, burst: 20 });
  const callerArn = `arn:aws:sts::${ACCOUNT}:assumed-role/operator/session`;
  const session = new Session({
    breaker,
    accessKey: async () => ({ accessKeyId: 'AKIA' }),
    callerArn: () =>
      line.send(
        { target: 'sts', operation: 'GetCallerIdentity', effect: () => callerArn },
        new AbortController().signal,
      ),
  });
  const gate = new CallGate({ accountId: ACCOUNT, session, breaker, limit, fence });
  const s3Limit = new RateLimit({ clock, callsPerSecond: 10, burst: 20 });
  const s3Gate = new CallGate({ accountId: ACCOUNT, session, breaker, limit: s3Limit, fence });
  const callAt =
    (priority: Priority): Call =>
    (operation, name, effect, signal) =>
      classify(operation, name, () =>
        gate.pass({ operation, priority, signal }, () => {
          if (!line.isDead && !/^(Get|List)/.test(operation)) onWrite(operation);
          return line.send({ target: 'iam', operation, effect }, signal);
        }),
      );
  const through = (call: Call): Iam => ({
    roles: rolesOf(aws, call),
    oidcProviders: providersOf(aws, call),
    inventory: {
      roles: async ({ pathPrefix, names, isMarked }, signal) => {
        const found = await call('GetAccountAuthorizationDetails', 'roles', () => aws.roles(aws.readMoment()), signal);
        const under = found.filter(({ path }) => path.startsWith(pathPrefix));
        return {
          roles: new Map(under.filter(({ name }) => names.has(name)).map((role) => [role.name, role])),
          marked: new Map(under.filter(({ tags }) => isMarked(tags)).map(({ name, tags }) => [name, tags])),
        };
      },
    },
  });
  return {
    ...through(callAt('user')),
    background: through(callAt('background')),
    caller: (signal) =>
      classify('GetCallerIdentity', 'as the operator', async () => (await session.identity(signal)).caller),
    bucket: (address) => bucketOf(bucket, address, { line, gate: s3Gate, onWrite }),
  };
}

/** Each read is a call of its own, and each call may see another moment: what is read of a role can be torn. */
async function readRole(aws: Aws, call: Call, name: RoleName, signal: AbortSignal): Promise<Role | undefined> {
  const settings = await readSettings(aws, call, name, signal);
  if (settings === undefined) return undefined;
  const seen = <T>(operation: string, part: (role: Role) => T): Promise<T> =>
    call(operation, name, () => part(seenRole(aws, name)), signal);
  const managedPolicyArns = await seen('ListAttachedRolePolicies', (role) => role.managedPolicyArns);
  const names = await seen('ListRolePolicies', (role) => [...role.inlinePolicies.keys()]);
  const inlinePolicies = new Map<string, PolicyDocument>();
  for (const policy of names) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other, as the operator does
    inlinePolicies.set(policy, await seen('GetRolePolicy', (role) => documentOf(role, policy)));
  }
  return { ...settings, managedPolicyArns, inlinePolicies };
}

function documentOf({ inlinePolicies }: Role, policy: string): PolicyDocument {
  const document = inlinePolicies.get(policy);
  if (document === undefined) throw awsError('NoSuchEntity', `The role policy with name ${policy} cannot be found.`);
  return document;
}

function seenRole(aws: Aws, name: RoleName): Role {
  const role = aws.role(name, aws.readMoment());
  if (role === undefined) throw missing(name);
  return role;
}

const readSettings = (aws: Aws, call: Call, name: RoleName, signal: AbortSignal): Promise<RoleSettings | undefined> =>
  call(
    'GetRole',
    name,
    () => {
      const role = aws.role(name, aws.readMoment());
      if (role === undefined) return undefined;
      const { managedPolicyArns: _, inlinePolicies: __, ...settings } = role;
      return settings;
    },
    signal,
  );

function rolesOf(aws: Aws, call: Call): Roles {
  const change = (operation: string, name: RoleName, changed: (role: Role) => Partial<Role>, signal: AbortSignal) =>
    call(operation, name, () => aws.changeRole(operation, name, (role) => ({ ...role, ...changed(role) })), signal);
  return {
    get: (name, signal) => readRole(aws, call, name, signal),
    getSettings: (name, signal) => readSettings(aws, call, name, signal),
    create: (role, signal) =>
      call(
        'CreateRole',
        role.name,
        () => {
          if (aws.role(role.name) !== undefined) return 'EntityAlreadyExists';
          const made = aws.newRole({ ...role, managedPolicyArns: new Set<PolicyArn>(), inlinePolicies: new Map() });
          aws.onRoleWrite({ operation: 'CreateRole', name: role.name, before: undefined, after: made });
          return { arn: made.arn, id: made.id };
        },
        signal,
      ),
    delete: (name, signal) => call('DeleteRole', name, () => deleteRole(aws, name), signal),
    updateTrustPolicy: (name, trustPolicy, signal) =>
      change('UpdateAssumeRolePolicy', name, () => ({ trustPolicy }), signal),
    update: (name, { description, maxSessionDurationSeconds }, signal) =>
      change('UpdateRole', name, () => ({ description, maxSessionDurationSeconds }), signal),
    putPermissionsBoundary: (name, permissionsBoundaryArn, signal) =>
      change('PutRolePermissionsBoundary', name, () => ({ permissionsBoundaryArn }), signal),
    deletePermissionsBoundary: (name, signal) =>
      change('DeleteRolePermissionsBoundary', name, () => ({ permissionsBoundaryArn: undefined }), signal),
    attachPolicy: (name, policy, signal) =>
      change(
        'AttachRolePolicy',
        name,
        (role) => ({ managedPolicyArns: role.managedPolicyArns.union(new Set([policy])) }),
        signal,
      ),
    detachPolicy: (name, policy, signal) =>
      change(
        'DetachRolePolicy',
        name,
        (role) => ({ managedPolicyArns: role.managedPolicyArns.difference(new Set([policy])) }),
        signal,
      ),
    putInlinePolicy: (name, policy, document, signal) =>
      change(
        'PutRolePolicy',
        name,
        (role) => ({ inlinePolicies: new Map([...role.inlinePolicies, [policy, document]]) }),
        signal,
      ),
    deleteInlinePolicy: (name, policy, signal) =>
      change('DeleteRolePolicy', name, (role) => ({ inlinePolicies: without(role.inlinePolicies, [policy]) }), signal),
    tag: (name, tags, signal) =>
      change('TagRole', name, (role) => ({ tags: new Map([...role.tags, ...tags]) }), signal),
    untag: (name, keys, signal) => change('UntagRole', name, (role) => ({ tags: without(role.tags, keys) }), signal),
  };
}

function deleteRole(aws: Aws, name: RoleName): void {
  const role = aws.role(name);
  if (role === undefined) return;
  if (role.managedPolicyArns.size + role.inlinePolicies.size > 0)
    throw awsError('DeleteConflict', 'Cannot delete entity, must detach all policies first.');
  aws.changeRole('DeleteRole', name, () => undefined);
}

const without = <V>(map: ReadonlyMap<string, V>, keys: readonly string[]): ReadonlyMap<string, V> =>
  new Map([...map].filter(([key]) => !keys.includes(key)));

function providersOf(aws: Aws, call: Call): OidcProviders {
  const change = (
    operation: string,
    arn: OidcProviderArn,
    changed: (provider: OidcProvider) => OidcProvider | undefined,
    signal: AbortSignal,
  ): Promise<void> =>
    call(
      operation,
      arn,
      () => {
        const before = aws.provider(arn);
        if (before === undefined) throw awsError('NoSuchEntity', `OpenIDConnect Provider not found for arn ${arn}`);
        aws.onProviderWrite();
        aws.setProvider(arn, changed(before));
      },
      signal,
    );
  const clientIds = (provider: OidcProvider, ids: ReadonlySet<string>): OidcProvider => ({
    ...provider,
    clientIds: ids,
  });
  return {
    get: (arn, signal) => call('GetOpenIDConnectProvider', arn, () => aws.provider(arn, aws.readMoment()), signal),
    create: ({ arn, clientIds: ids, thumbprints = ['0'.repeat(40)], tags }, signal) =>
      call(
        'CreateOpenIDConnectProvider',
        arn,
        () => {
          if (aws.provider(arn) !== undefined) return 'EntityAlreadyExists';
          aws.onProviderWrite();
          aws.setProvider(arn, { clientIds: ids, thumbprints, tags });
          return 'created';
        },
        signal,
      ),
    delete: (arn, signal) =>
      call(
        'DeleteOpenIDConnectProvider',
        arn,
        () => {
          if (aws.provider(arn) !== undefined) aws.onProviderWrite();
          aws.setProvider(arn, undefined);
        },
        signal,
      ),
    addClientId: (arn, id, signal) =>
      change(
        'AddClientIDToOpenIDConnectProvider',
        arn,
        (one) => clientIds(one, one.clientIds.union(new Set([id]))),
        signal,
      ),
    removeClientId: (arn, id, signal) =>
      change(
        'RemoveClientIDFromOpenIDConnectProvider',
        arn,
        (one) => clientIds(one, one.clientIds.difference(new Set([id]))),
        signal,
      ),
    updateThumbprints: (arn, thumbprints, signal) =>
      change('UpdateOpenIDConnectProviderThumbprint', arn, (one) => ({ ...one, thumbprints }), signal),
  };
}
