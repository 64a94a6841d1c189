import { policy, policyArn } from '../support/builders.ts';
import type { Fault, Target } from './network.ts';
import type { Random } from './random.ts';

/** What happens to the world from outside of the operator. A run is a seed and a list of these; leaving some out is a shorter run. */
export type Step = { readonly at: number } & (
  | { readonly do: 'create-provider' | 'delete-provider' }
  | { readonly do: 'edit-provider'; readonly change: ProviderChange }
  | { readonly do: 'create-identity'; readonly object: Named; readonly spec: object }
  | { readonly do: 'edit-identity'; readonly object: Named; readonly spec: object }
  | { readonly do: 'delete-identity' | 'ask-for-a-look' | 'adopt-foreign-role'; readonly object: Named }
  | {
      readonly do:
        | 'create-service-account'
        | 'delete-service-account'
        | 'annotate-service-account'
        | 'clear-service-account';
      readonly object: Named;
    }
  | { readonly do: 'delete-table' | 'spoil-table'; readonly namespace: string }
  | { readonly do: 'hand'; readonly change: HandChange; readonly object: Named }
  | { readonly do: 'delete-oidc-provider' | 'foreign-oidc-provider' }
  | {
      readonly do: 'storm';
      readonly target: Target;
      readonly fault: Fault;
      readonly probability: number;
      readonly forMs: number;
      readonly operation: string;
    }
  | { readonly do: 'stall'; readonly kind: string; readonly forMs: number; readonly how: 'late' | 'relist' }
  | { readonly do: 'crash'; readonly downMs: number }
  | { readonly do: 'pause'; readonly forMs: number }
  | { readonly do: 'delete-lease' | 'steal-lease' }
);

/** Whether one process works, or one of two that stand for election, perhaps with clocks that differ. */
export type Fleet = 'single' | 'pair' | 'skewed pair';

export interface Named {
  readonly namespace: string;
  readonly name: string;
}

/** What a person does to the role of an identity in the console. */
export type HandChange =
  | 'attach'
  | 'detach-all'
  | 'delete'
  | 'strip-tags'
  | 'give-away'
  | 'widen-trust'
  | 'drop-boundary'
  | 'put-inline'
  | 'make-foreign'
  | 'remove-foreign';

export interface ProviderChange {
  readonly guardrails?: object;
  readonly clientIds?: readonly string[];
  readonly roleDefaults?: object;
  readonly issuer?: object;
}

/** The world of policies: three managed ones, two actions of inline documents, two boundaries. */
export const MANAGED = [policyArn('One'), policyArn('Two'), policyArn('Three')] as const;
export const INLINE = [policy('s3:GetObject'), policy('sqs:SendMessage')] as const;
export const BOUNDARIES = [policyArn('Narrow-Boundary'), policyArn('Other-Boundary')] as const;
const SHARED_ROLE = 'shared-role';

const NAMESPACES = ['blue', 'green'] as const;
const NAMES = ['one', 'two'] as const;
export const SERVICE_ACCOUNTS = ['app', 'web'] as const;
const MINUTE = 60_000;

/** The time in which users, people at the console and faults act. */
export const SCRIPT_MS = 25 * MINUTE;

const GUARDRAILS = { managedPolicyArns: ['*'], inlinePolicies: 'Allow', adoption: 'Allow' };

const guardrails = (random: Random): object => ({
  ...GUARDRAILS,
  ...(random.chance(0.2) ? { managedPolicyArns: [MANAGED[0], MANAGED[1]] } : {}),
  ...(random.chance(0.2) ? { inlinePolicies: 'Deny' } : {}),
  ...(random.chance(0.3) ? { permissionsBoundaryArn: random.pick(BOUNDARIES) } : {}),
  ...(random.chance(0.3) ? { adoption: 'Deny' } : {}),
  ...(random.chance(0.1) ? { maxIdentitiesPerNamespace: 1 } : {}),
});

function roleSpec(random: Random): object {
  const some = <T>(items: readonly T[]): readonly T[] => items.filter(() => random.chance(0.4));
  return {
    managedPolicyArns: some(MANAGED),
    inlinePolicies: ['first', 'second']
      .filter(() => random.chance(0.3))
      .map((name) => ({ name, document: JSON.parse(random.pick(INLINE)) })),
    ...(random.chance(0.2) ? { permissionsBoundaryArn: random.pick(BOUNDARIES) } : {}),
    ...(random.chance(0.2) ? { description: random.pick(['a', 'b']) } : {}),
    ...(random.chance(0.2) ? { tags: { [random.pick(['team', 'cost'])]: random.pick(['x', 'y']) } } : {}),
  };
}

const identitySpec = (random: Random): object => ({
  role: { ...roleSpec(random), ...(random.chance(0.1) ? { name: SHARED_ROLE } : {}) },
  serviceAccount: { name: random.pick(SERVICE_ACCOUNTS), create: random.chance(0.8) },
  ...(random.chance(0.2) ? { deletionPolicy: 'Retain' } : {}),
  ...(random.chance(0.1) ? { managementPolicy: 'Observe' } : {}),
  ...(random.chance(0.1) ? { audience: 'other' } : {}),
});

/** Fields that may change after creation. */
function identityChange(random: Random): object {
  return random.pick<() => object>([
    () => ({ role: roleSpec(random) }),
    () => ({ role: roleSpec(random) }),
    () => ({ suspend: random.chance(0.5) }),
    () => ({ suspend: false }),
    () => ({ audience: random.pick(['other', 'sts.amazonaws.com']) }),
    () => ({ deletionPolicy: random.pick(['Delete', 'Retain']) }),
    () => ({ managementPolicy: random.pick(['Manage', 'Manage', 'Observe']) }),
    () => ({ tokenExpirationSeconds: random.pick([600, 3600]) }),
  ])();
}

const named = (random: Random): Named => ({ namespace: random.pick(NAMESPACES), name: random.pick(NAMES) });
const serviceAccount = (random: Random): Named => ({
  namespace: random.pick(NAMESPACES),
  name: random.pick(SERVICE_ACCOUNTS),
});

type Maker = (random: Random, at: number) => Step;

const USERS: readonly [Maker, ...Maker[]] = [
  (random, at) => ({ at, do: 'create-identity', object: named(random), spec: identitySpec(random) }),
  (random, at) => ({ at, do: 'create-identity', object: named(random), spec: identitySpec(random) }),
  (random, at) => ({ at, do: 'edit-identity', object: named(random), spec: identityChange(random) }),
  (random, at) => ({ at, do: 'edit-identity', object: named(random), spec: identityChange(random) }),
  (random, at) => ({ at, do: 'edit-identity', object: named(random), spec: identityChange(random) }),
  (random, at) => ({ at, do: 'delete-identity', object: named(random) }),
  (random, at) => ({ at, do: 'ask-for-a-look', object: named(random) }),
  (random, at) => ({ at, do: 'adopt-foreign-role', object: named(random) }),
  (random, at) => ({ at, do: 'edit-provider', change: providerChange(random) }),
  (random, at) => ({ at, do: random.pick(['create-provider', 'create-provider', 'delete-provider']) }),
  (random, at) => ({
    at,
    do: random.pick([
      'create-service-account',
      'delete-service-account',
      'annotate-service-account',
      'clear-service-account',
    ]),
    object: serviceAccount(random),
  }),
  (random, at) => ({ at, do: random.pick(['delete-table', 'spoil-table']), namespace: random.pick(NAMESPACES) }),
];

const HANDS: readonly [HandChange, ...HandChange[]] = [
  'attach',
  'detach-all',
  'delete',
  'strip-tags',
  'give-away',
  'widen-trust',
  'drop-boundary',
  'put-inline',
  'make-foreign',
  'remove-foreign',
];

function providerChange(random: Random): ProviderChange {
  return random.pick<() => ProviderChange>([
    () => ({ guardrails: guardrails(random) }),
    () => ({ clientIds: random.pick([['sts.amazonaws.com'], ['sts.amazonaws.com', 'other']]) }),
    () => ({ roleDefaults: { tags: { stage: random.pick(['test', 'live']) } } }),
    () => ({ issuer: { alsoTrusted: random.pick([[], ['https://former.example.com']]) } }),
  ])();
}

const CONSOLE: readonly [Maker, ...Maker[]] = [
  (random, at) => ({ at, do: 'hand', change: random.pick(HANDS), object: named(random) }),
  (random, at) => ({ at, do: 'hand', change: random.pick(HANDS), object: named(random) }),
  (random, at) => ({ at, do: 'hand', change: random.pick(HANDS), object: named(random) }),
  (random, at) => ({ at, do: random.pick(['delete-oidc-provider', 'foreign-oidc-provider']) }),
];

const FAULTS: Readonly<Record<Target, readonly [Fault, ...Fault[]]>> = {
  api: ['throttled', 'server-error', 'conflict', 'timeout', 'lost', 'denied'],
  iam: ['throttled', 'server-error', 'conflict', 'timeout', 'lost', 'denied', 'quota'],
  sts: ['throttled', 'server-error', 'timeout', 'lost'],
};

const OPERATIONS: Readonly<Record<Target, readonly [string, ...string[]]>> = {
  api: ['', '', 'apply', 'mergePatch', 'Status', 'Status AwsOidcProvider', 'ConfigMap', 'token', 'delete'],
  iam: ['', '', 'Create', 'Attach', 'Put', 'Delete', 'Get', 'Tag', 'Update'],
  sts: [''],
};

function storm(random: Random, at: number): Step {
  const target = random.pick<Target>(['api', 'iam', 'iam', 'sts']);
  const fault = random.pick(FAULTS[target]);
  return {
    at,
    do: 'storm',
    target,
    fault,
    probability: random.pick([0.1, 0.5, 1]),
    forMs: random.pick([5_000, 60_000, 240_000, 600_000]),
    operation: fault === 'quota' ? 'CreateRole' : random.pick(OPERATIONS[target]),
  };
}

const TROUBLE: readonly [Maker, ...Maker[]] = [
  storm,
  storm,
  storm,
  (random, at) => ({
    at,
    do: 'stall',
    kind: random.pick(['AwsOidcProvider', 'AwsFederatedIdentity', 'ConfigMap', 'ServiceAccount']),
    forMs: random.pick([2_000, 20_000, 60_000]),
    how: random.pick(['late', 'relist']),
  }),
  (random, at) => ({ at, do: 'crash', downMs: random.pick([0, 5_000, 20_000]) }),
  (random, at) => ({ at, do: 'crash', downMs: random.pick([0, 5_000, 20_000]) }),
];

/** What happens to a pair beside all that. */
const RIVALRY: readonly [Maker, ...Maker[]] = [
  (random, at) => ({ at, do: 'pause', forMs: random.pick([5_000, 20_000, 60_000]) }),
  (random, at) => ({ at, do: 'pause', forMs: random.pick([5_000, 20_000, 60_000]) }),
  (_, at) => ({ at, do: 'delete-lease' }),
  (_, at) => ({ at, do: 'steal-lease' }),
];

const aloneMakers = (roll: number) => (roll < 0.6 ? USERS : roll < 0.75 ? CONSOLE : TROUBLE);
const pairMakers = (roll: number) => (roll < 0.55 ? USERS : roll < 0.65 ? CONSOLE : roll < 0.8 ? TROUBLE : RIVALRY);

/** The script of a seed: moments cluster, so that things happen while others are under way. */
export function scriptOf(random: Random, fleet: Fleet): readonly Step[] {
  const steps: Step[] = [
    { at: random.below(2_000), do: 'create-provider' },
    { at: random.below(4_000), do: 'create-identity', object: named(random), spec: identitySpec(random) },
    { at: random.below(8_000), do: 'create-identity', object: named(random), spec: identitySpec(random) },
  ];
  const count = 8 + random.below(24);
  let at = 5_000;
  for (let index = 0; index < count; index += 1) {
    at += random.pick([100, 700, 3_000, 15_000, 60_000, 120_000]) * random.next();
    const maker = random.pick((fleet === 'single' ? aloneMakers : pairMakers)(random.next()));
    steps.push(maker(random, Math.min(Math.round(at), SCRIPT_MS)));
  }
  return steps.toSorted((a, b) => a.at - b.at);
}
