import { AwsFederatedIdentitySpec } from '../../src/crds/aws-federated-identity.ts';
import { AwsOidcProviderSpec } from '../../src/crds/aws-oidc-provider.ts';
import { RoleName, RolePath } from '../../src/iam/arn.ts';
import { roleNameOf } from '../../src/controllers/aws-federated-identity/desired.ts';
import type { Role } from '../../src/iam/roles.ts';
import { CONFIG_MAPS, TABLE_NAME } from '../../src/kube/injection-table.ts';
import { type AwsFederatedIdentity, IDENTITIES, PROVIDERS, SERVICE_ACCOUNTS } from '../../src/kube/kinds.ts';
import { ACCOUNT, ISSUER, PROVIDER_ARN, trust } from '../support/builders.ts';
import type { World } from './replica.ts';
import { type HandChange, INLINE, MANAGED, type Named, type Step } from './script.ts';
import type { Watchdog } from './watchdog.ts';

export type OutsideStep = Exclude<
  Step,
  { readonly do: 'storm' | 'stall' | 'crash' | 'pause' | 'delete-lease' | 'steal-lease' }
>;

/** Does what users and people at the console do. A step whose object is not there does nothing. */
// oxlint-disable-next-line complexity -- one case for each kind of step
export function carryOut(world: World, watchdog: Watchdog, step: OutsideStep): void {
  const { api, aws } = world;
  switch (step.do) {
    case 'create-provider':
      return createProvider(world);
    case 'delete-provider':
      return ifThere(() => api.delete(PROVIDERS, { name: 'default' }, {}, 'user'));
    case 'edit-provider':
      return api.edit(PROVIDERS, { name: 'default' }, (object) => ({
        ...object,
        spec: AwsOidcProviderSpec.parse({ ...specOf(object), ...step.change }),
      }));
    case 'create-identity':
      return ifThere(() =>
        api.create(
          IDENTITIES,
          { metadata: { ...step.object, ...BARE }, spec: AwsFederatedIdentitySpec.parse(step.spec) },
          'user',
        ),
      );
    case 'edit-identity':
      return editIdentity(world, step.object, step.spec);
    case 'delete-identity':
      return ifThere(() => api.delete(IDENTITIES, step.object, {}, 'user'));
    case 'ask-for-a-look':
      return api.edit(IDENTITIES, step.object, (object) => ({
        ...object,
        metadata: { ...object.metadata, annotations: { 'federatedidentity.dev/requestedAt': `t${world.time.now()}` } },
      }));
    case 'adopt-foreign-role':
      return adopt(world, step.object);
    case 'create-service-account':
    case 'delete-service-account':
    case 'annotate-service-account':
    case 'clear-service-account':
      return serviceAccount(world, step);
    case 'delete-table':
    case 'spoil-table':
      return spoilTable(world, watchdog, step);
    case 'hand':
      return hand(world, watchdog, step.object, step.change);
    case 'delete-oidc-provider':
      return aws.setProvider(PROVIDER_ARN, undefined);
    case 'foreign-oidc-provider':
      return aws.setProvider(PROVIDER_ARN, {
        clientIds: new Set(['sts.amazonaws.com']),
        thumbprints: ['a'.repeat(40)],
        tags: new Map(),
      });
    default:
      return step satisfies never;
  }
}

const BARE = { labels: {}, annotations: {}, finalizers: [] };

/** Commands on what is not there, or is there already, fail at the terminal of who gave them. */
function ifThere(command: () => unknown): void {
  try {
    command();
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'ApiError') throw error;
  }
}

const specOf = (object: object): object =>
  'spec' in object && typeof object.spec === 'object' ? { ...object.spec } : {};

function createProvider({ api }: World): void {
  const guardrails = { managedPolicyArns: ['*'], inlinePolicies: 'Allow', adoption: 'Allow' };
  const spec = AwsOidcProviderSpec.parse({
    accountId: ACCOUNT,
    region: 'eu-west-1',
    clientIds: ['sts.amazonaws.com', 'other'],
    deletionPolicy: 'Delete',
    guardrails,
  });
  ifThere(() => api.create(PROVIDERS, { metadata: { name: 'default', ...BARE }, spec }, 'user'));
}

function editIdentity({ api }: World, name: Named, change: object): void {
  api.edit(IDENTITIES, name, (object) => {
    const before = specOf(object) as AwsFederatedIdentity['spec']; // of this kind
    const role =
      'role' in change && typeof change.role === 'object'
        ? { role: { ...change.role, ...(before.role?.name === undefined ? {} : { name: before.role.name }) } }
        : {};
    return { ...object, spec: AwsFederatedIdentitySpec.parse({ ...before, ...change, ...role }) };
  });
}

function roleOf({ api, aws }: World, object: Named): { readonly name: RoleName; readonly role: Role | undefined } {
  const identity = api.read<AwsFederatedIdentity>(IDENTITIES, object);
  const spec = identity?.spec ?? AwsFederatedIdentitySpec.parse({ serviceAccount: { name: 'app' } });
  const name = roleNameOf({ ...object, spec }, ISSUER);
  return { name, role: aws.role(name) };
}

function adopt(world: World, object: Named): void {
  const { role } = roleOf(world, object);
  if (role !== undefined) editIdentity(world, object, { adopt: { roleId: role.id } });
}

function serviceAccount({ api }: World, step: Extract<OutsideStep, { do: `${string}-service-account` }>): void {
  const { object } = step;
  switch (step.do) {
    case 'create-service-account':
      return ifThere(() => api.create(SERVICE_ACCOUNTS, { metadata: { ...object, ...BARE } }, 'user'));
    case 'delete-service-account':
      return ifThere(() => api.delete(SERVICE_ACCOUNTS, object, {}, 'user'));
    case 'annotate-service-account':
      return annotate({ api }, object, { 'eks.amazonaws.com/role-arn': `arn:aws:iam::${ACCOUNT}:role/by-hand` });
    case 'clear-service-account':
      return annotate({ api }, object, {});
    default:
      return step.do satisfies never;
  }
}

/** Replaces the annotations, as an apply of a manifest in git does. */
const annotate = ({ api }: Pick<World, 'api'>, object: Named, annotations: Readonly<Record<string, string>>): void =>
  api.edit(SERVICE_ACCOUNTS, object, (one) => ({ ...one, metadata: { ...one.metadata, annotations } }));

function spoilTable({ api }: World, watchdog: Watchdog, step: Extract<OutsideStep, { namespace: string }>): void {
  const name = { namespace: step.namespace, name: TABLE_NAME };
  watchdog.tableTouched();
  if (step.do === 'delete-table') return ifThere(() => api.delete(CONFIG_MAPS, name, {}, 'user'));
  return ifThere(() => api.mergePatch(CONFIG_MAPS, name, { data: { app: 'nonsense', nobody: 'nonsense' } }, 'user'));
}

function hand(world: World, watchdog: Watchdog, object: Named, change: HandChange): void {
  const { aws } = world;
  const { name, role } = roleOf(world, object);
  if (change === 'make-foreign') return makeForeign(world, watchdog, name);
  if (role === undefined) return;
  watchdog.touched(name);
  if (change === 'delete' || change === 'remove-foreign') watchdog.replaced(name);
  if (change === 'give-away') watchdog.taken(role.id);
  if (change === 'strip-tags') watchdog.stripped(role.id);
  aws.setRole(name, changedByHand(role, change));
}

/** A role of somebody else under the name that the operator would use; in the place of ours, if that is there. */
function makeForeign({ aws }: World, watchdog: Watchdog, name: RoleName): void {
  watchdog.touched(name);
  if (aws.role(name) !== undefined) watchdog.replaced(name);
  aws.newRole({
    name,
    path: RolePath.parse('/federated/'),
    description: 'of another team',
    maxSessionDurationSeconds: 3600,
    trustPolicy: trust('somebody-else'),
    permissionsBoundaryArn: undefined,
    managedPolicyArns: new Set([MANAGED[2]]),
    inlinePolicies: new Map(),
    tags: new Map([['team', 'other']]),
  });
}

function changedByHand(role: Role, change: Exclude<HandChange, 'make-foreign'>): Role | undefined {
  switch (change) {
    case 'attach':
      return { ...role, managedPolicyArns: new Set(MANAGED) };
    case 'detach-all':
      return { ...role, managedPolicyArns: new Set() };
    case 'delete':
      return undefined;
    case 'remove-foreign':
      return role.tags.get('team') === 'other' ? undefined : role;
    case 'strip-tags':
      return { ...role, tags: new Map() };
    case 'give-away':
      return { ...role, tags: new Map([...role.tags, ['federatedidentity.dev/cluster', 'another-cluster']]) };
    case 'widen-trust':
      return { ...role, trustPolicy: trust('anybody') };
    case 'drop-boundary':
      return { ...role, permissionsBoundaryArn: undefined };
    case 'put-inline':
      return { ...role, inlinePolicies: new Map([...role.inlinePolicies, ['by-hand', INLINE[1]]]) };
    default:
      return change satisfies never;
  }
}
