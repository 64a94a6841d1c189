import { STEPS as IDENTITY_STEPS } from './controllers/aws-federated-identity/status.ts';
import { STEPS as PROVIDER_STEPS } from './controllers/aws-oidc-provider/status.ts';
import { Reason } from './crds/condition.ts';
import type { AwsFederatedIdentity, AwsOidcProvider } from './kube/kinds.ts';

/** One sample of a metric. */
export interface Figure {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

type Identities = readonly AwsFederatedIdentity[];
type Ours = AwsFederatedIdentity | AwsOidcProvider;

/** Namespaces with series of their own, the worst ones first: a flood of namespaces is no flood of series. */
const MOST_NAMESPACES = 100;
/** Stands for all further namespaces; no namespace can be named so. */
const OTHER_NAMESPACES = '(others)';

/** How many identities have each condition, status and reason; one without `Ready` counts as Unknown and Pending. */
export function identityConditions(identities: Identities): readonly Figure[] {
  const counts = new Map<string, Figure>();
  for (const identity of identities) {
    for (const condition of conditionsOf(identity)) add(counts, labelsOf(condition));
  }
  return [...counts.values()];
}

/** The conditions of each provider; there are few providers. */
export const providerConditions = (providers: readonly AwsOidcProvider[]): readonly Figure[] =>
  providers.flatMap((provider) =>
    conditionsOf(provider).map((condition) => ({
      labels: { provider: provider.metadata.name ?? '', ...labelsOf(condition) },
      value: 1,
    })),
  );

/** Identities that are not ready, by namespace and reason. Neither suspended ones nor those being deleted. */
export const notReady = (identities: Identities): readonly Figure[] =>
  byNamespace(
    waitingFor(identities).map((identity) => ({ ...placeOf(identity), value: 1 })),
    (before, value) => before + value,
  );

/** For how many seconds the one of them that is longest not ready is so. */
export const notReadySeconds = (identities: Identities, now: Date): readonly Figure[] =>
  byNamespace(
    waitingFor(identities).map((identity) => ({
      ...placeOf(identity),
      value: secondsSince(readyOf(identity).lastTransitionTime, now),
    })),
    Math.max,
  );

/** For how many seconds the one that is longest without a proof at STS is so, whether or not it counts as ready; 0 for none. */
export function unprovenSeconds(identities: Identities, now: Date): number {
  const ages = identities.filter(isWorkedOn).map((identity) => {
    const proof = identity.status?.conditions?.find(({ type }) => type === 'FederationVerified');
    if (proof?.status === 'True') return 0;
    // Without the condition, either the first look is still to come, or no proof is asked for (--verification=off).
    if (proof === undefined && identity.status?.conditions !== undefined) return 0;
    return secondsSince(proof?.lastTransitionTime ?? identity.metadata.creationTimestamp, now);
  });
  return greatest(ages);
}

/** For how many seconds the object of each kind that is longest in deletion is so; 0 for none. */
export const deletionSeconds = (
  objects: { readonly identities: readonly Ours[]; readonly providers: readonly Ours[] },
  now: Date,
): readonly Figure[] =>
  Object.entries({ AwsFederatedIdentity: objects.identities, AwsOidcProvider: objects.providers }).map(
    ([kind, ofKind]) => ({
      labels: { kind },
      value: greatest(ofKind.map(({ metadata }) => secondsSince(metadata.deletionTimestamp, now))),
    }),
  );

const POD_STATES = { bound: 'bound', notInjected: 'not_injected', stale: 'stale' } as const;

/** Running pods of ServiceAccounts with an identity, as the statuses count them. */
export const podCounts = (identities: Identities): readonly Figure[] =>
  Object.entries(POD_STATES).map(([field, state]) => ({
    labels: { state },
    value: identities.reduce((sum, { status }) => sum + (status?.pods?.[field as keyof typeof POD_STATES] ?? 0), 0),
  }));

/** Namespaces with pods that run without their role or with an older one. */
export const podsToRestart = (identities: Identities): readonly Figure[] =>
  byNamespace(
    identities.flatMap(({ metadata: { namespace = '' }, status }) => {
      const { notInjected = 0, stale = 0 } = status?.pods ?? {};
      return notInjected + stale > 0 ? [{ namespace, value: notInjected + stale }] : [];
    }),
    (before, value) => before + value,
  );

interface Part {
  readonly namespace: string;
  readonly reason?: string;
  readonly value: number;
}

/** One figure for each namespace and reason; what is beyond the worst namespaces is joined. */
function byNamespace(parts: readonly Part[], join: (before: number, value: number) => number): readonly Figure[] {
  const weights = new Map<string, number>();
  for (const { namespace, value } of parts) weights.set(namespace, join(weights.get(namespace) ?? 0, value));
  const ranked = [...weights].toSorted(([, a], [, b]) => b - a).map(([namespace]) => namespace);
  const own = new Set(ranked.slice(0, MOST_NAMESPACES));
  const figures = new Map<string, Figure>();
  for (const { namespace, value, reason } of parts) {
    const labels = {
      identity_namespace: own.has(namespace) ? namespace : OTHER_NAMESPACES,
      ...(reason !== undefined && { reason }),
    };
    add(figures, labels, { value, join });
  }
  return [...figures.values()];
}

function add(
  figures: Map<string, Figure>,
  labels: Figure['labels'],
  { value, join }: { readonly value: number; readonly join: (before: number, value: number) => number } = {
    value: 1,
    join: (before, one) => before + one,
  },
): void {
  const key = Object.values(labels).join(' '); // no value has a space
  figures.set(key, { labels, value: join(figures.get(key)?.value ?? 0, value) });
}

interface Observed {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly lastTransitionTime: string | undefined;
}

/** The conditions of an object, and a `Ready` for one that has not been looked at. */
function conditionsOf(object: Ours): readonly Observed[] {
  const conditions = object.status?.conditions ?? [];
  return conditions.some(({ type }) => type === 'Ready') ? conditions : [...conditions, readyOf(object)];
}

const readyOf = ({ metadata, status }: Ours): Observed =>
  status?.conditions?.find(({ type }) => type === 'Ready') ?? {
    type: 'Ready',
    status: 'Unknown',
    reason: 'Pending',
    lastTransitionTime: metadata.creationTimestamp,
  };

const placeOf = (identity: AwsFederatedIdentity): { readonly namespace: string; readonly reason: string } => ({
  namespace: identity.metadata.namespace ?? '',
  reason: known(readyOf(identity).reason),
});

const isWorkedOn = (object: Ours): boolean =>
  object.metadata.deletionTimestamp === undefined && readyOf(object).reason !== 'Suspended';

const waitingFor = (identities: Identities): Identities =>
  identities.filter((identity) => isWorkedOn(identity) && readyOf(identity).status !== 'True');

const labelsOf = ({ type, status, reason }: Observed): Figure['labels'] => ({
  condition: TYPES.has(type) ? type : 'Other',
  status,
  reason: known(reason),
});

const TYPES: ReadonlySet<string> = new Set([
  'Ready',
  'Synced',
  'Reconciling',
  'Stalled',
  ...IDENTITY_STEPS,
  ...PROVIDER_STEPS,
]);

/** Types and reasons are closed lists; a status that somebody else wrote adds no series. */
const known = (reason: string): string => (REASONS.has(reason) ? reason : 'Other');
const REASONS: ReadonlySet<string> = new Set(Reason.options);

function secondsSince(time: string | undefined, now: Date): number {
  const since = Date.parse(time ?? '');
  return Number.isNaN(since) ? 0 : Math.max(0, (now.getTime() - since) / 1000);
}

/** Ten thousand arguments of Math.max are no good idea. */
const greatest = (values: readonly number[]): number => values.reduce((most, value) => Math.max(most, value), 0);
