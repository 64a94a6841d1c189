import type { PodCounts } from '../../crds/aws-federated-identity.ts';
import type { ObjectEvent } from '../../kube/events.ts';
import type { AwsFederatedIdentity } from '../../kube/kinds.ts';
import { podNotInjected, podOverrides, podsNotInjected, podsStale, staticCredentials } from './notes.ts';
import type { PodFinding, PodStock, PodStocks } from './observe.ts';
import type { Subject } from './subjects.ts';

/** One thing to do: what is told was written before. */
export type StockAction =
  | { readonly type: 'WriteCounts'; readonly identity: AwsFederatedIdentity; readonly pods: PodCounts }
  | { readonly type: 'TellSubject'; readonly subject: Subject; readonly event: ObjectEvent }
  | { readonly type: 'TellPod'; readonly pod: PodFinding; readonly event: ObjectEvent };

/** What was told of a namespace, so that it is told once. Lost with the process: then some Events come again. */
export interface Memory {
  /** By ServiceAccount: how many pods were found. */
  readonly found: ReadonlyMap<string, Found>;
  /** Pods that have their Event: UID and reason. */
  readonly toldPods: ReadonlySet<string>;
  /** By UID of the identity: the last write of its counts that came first in its interval. */
  readonly written: ReadonlyMap<string, Written>;
}

interface Written {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Whether `bound` was put right once since then. */
  readonly isPutRight: boolean;
}

interface Found {
  readonly bound: number;
  readonly notInjected: number;
  readonly stale: number;
  readonly overridden: number;
}

export const NOTHING_TOLD: Memory = { found: new Map(), toldPods: new Set(), written: new Map() };

export interface StockPlan {
  readonly actions: readonly StockAction[];
  readonly memory: Memory;
  /** When a count that may wait must be written; undefined where none waits. */
  readonly dueInMs: number | undefined;
}

/** Pods come and go; a number that harms nobody must not be a write each time. */
const BOUND_INTERVAL_MS = 10 * 60_000;
/** A rollout is seen half done. One write puts that right in each interval, once two looks in a row found the same. */
const SETTLING_MS = 10_000;
/** A thousand bare pods are one problem. */
const MAX_POD_EVENTS = 20;

export interface StockInput {
  readonly namespace: string;
  readonly subjects: readonly Subject[];
  readonly stocks: PodStocks;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** What to write and tell after a look at the pods of a namespace. Nothing new gives no action. Pure. */
export function planStock({ namespace, subjects, stocks, now }: StockInput, before: Memory): StockPlan {
  const looks = subjects.map((subject) => ({ subject, stock: stocks.get(subject.serviceAccount) ?? EMPTY }));
  const counts = looks.map((look) => countsToWrite(look, before, now));
  const toPods = looks.flatMap((look) => podEvents(look, namespace));
  const news = toPods.filter(({ key }) => !before.toldPods.has(key)).slice(0, MAX_POD_EVENTS);
  const told = new Set([...before.toldPods, ...news.map(({ key }) => key)]);
  const waits = counts.flatMap(({ dueInMs }) => (dueInMs === undefined ? [] : [dueInMs]));
  return {
    actions: [
      // One by one, so that what fails for one leaves none of the others written but untold.
      ...looks.flatMap((look, index) => [...writeOf(counts[index]), ...subjectEvents(look, before, namespace)]),
      ...news.map(({ pod, event }): StockAction => ({ type: 'TellPod', pod, event })),
    ],
    memory: {
      found: new Map(looks.map(({ subject, stock }) => [subject.serviceAccount, foundIn(stock)])),
      toldPods: new Set(toPods.map(({ key }) => key).filter((key) => told.has(key))),
      written: writtenAfter(looks, counts, before),
    },
    dueInMs: waits.length === 0 ? undefined : Math.min(...waits),
  };
}

interface Look {
  readonly subject: Subject;
  readonly stock: PodStock;
}

const EMPTY: PodStock = { bound: 0, notInjected: [], stale: [], overridden: [] };
const NO_PODS: PodCounts = { bound: 0, notInjected: 0, stale: 0 };
const NOTHING_FOUND: Found = { bound: 0, notInjected: 0, stale: 0, overridden: 0 };

const foundIn = ({ bound, notInjected, stale, overridden }: PodStock): Found => ({
  bound,
  notInjected: notInjected.length,
  stale: stale.length,
  overridden: overridden.length,
});

type WriteCounts = Extract<StockAction, { type: 'WriteCounts' }>;

interface CountsDue {
  readonly write?: WriteCounts;
  /** What is to be remembered of the write. */
  readonly written?: Written;
  readonly dueInMs?: number;
}

const writeOf = ({ write }: CountsDue = {}): readonly WriteCounts[] => (write === undefined ? [] : [write]);

function countsToWrite({ subject, stock }: Look, before: Memory, now: number): CountsDue {
  const { identity, serviceAccount } = subject;
  if (identity === undefined) return {};
  const { bound, notInjected, stale } = foundIn(stock);
  const counted = identity.status?.pods ?? NO_PODS;
  const write: WriteCounts = { type: 'WriteCounts', identity, pods: { bound, notInjected, stale } };
  const first = { write, written: { at: now, isPutRight: false } };
  if (notInjected !== counted.notInjected || stale !== counted.stale) return first;
  if (bound === counted.bound) return {};
  const last = before.written.get(identity.metadata.uid ?? '');
  const dueInMs = (last?.at ?? -Infinity) + BOUND_INTERVAL_MS - now;
  if (last === undefined || dueInMs <= 0) return first;
  if (last.isPutRight) return { dueInMs };
  const isSettled = before.found.get(serviceAccount)?.bound === bound;
  return isSettled ? { write, written: { ...last, isPutRight: true } } : { dueInMs: SETTLING_MS };
}

/** Identities that are gone are forgotten. */
function writtenAfter(
  looks: readonly Look[],
  counts: readonly CountsDue[],
  before: Memory,
): ReadonlyMap<string, Written> {
  return new Map(
    looks.flatMap(({ subject: { identity } }, index): readonly [string, Written][] => {
      const { uid = '' } = identity?.metadata ?? {};
      const written = counts[index]?.written ?? before.written.get(uid);
      return uid === '' || written === undefined ? [] : [[uid, written]];
    }),
  );
}

/** One Event for each kind of pods of which there are more than were last told. */
function subjectEvents({ subject, stock }: Look, before: Memory, namespace: string): readonly StockAction[] {
  const remembered = before.found.get(subject.serviceAccount) ?? NOTHING_FOUND;
  // The status outlives this process.
  const known: Found = { ...remembered, ...subject.identity?.status?.pods };
  const { notInjected, stale, overridden } = stock;
  const events = [
    ...(notInjected.length > known.notInjected ? [podsNotInjected(subject, notInjected, namespace)] : []),
    ...(stale.length > known.stale ? [podsStale(subject, stale, namespace)] : []),
    ...(overridden.length > known.overridden ? [staticCredentials(subject, overridden)] : []),
  ];
  return events.map((event): StockAction => ({ type: 'TellSubject', subject, event }));
}

interface PodEvent {
  readonly key: string;
  readonly pod: PodFinding;
  readonly event: ObjectEvent;
}

const podEvent = (pod: PodFinding, event: ObjectEvent): PodEvent => ({ key: `${pod.uid}/${event.reason}`, pod, event });

function podEvents({ subject, stock }: Look, namespace: string): readonly PodEvent[] {
  return [
    ...stock.notInjected.map((pod) => podEvent(pod, podNotInjected(subject, pod, namespace))),
    ...stock.overridden.map((pod) => podEvent(pod, podOverrides(subject, pod))),
  ];
}
