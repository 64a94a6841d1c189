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
  /** By UID of the identity: when its counts were written, in milliseconds. */
  readonly writtenAt: ReadonlyMap<string, number>;
}

interface Found {
  readonly notInjected: number;
  readonly stale: number;
  readonly overridden: number;
}

export const NOTHING_TOLD: Memory = { found: new Map(), toldPods: new Set(), writtenAt: new Map() };

export interface StockPlan {
  readonly actions: readonly StockAction[];
  readonly memory: Memory;
  /** When a count that may wait must be written; undefined where none waits. */
  readonly dueInMs: number | undefined;
}

/** Pods come and go; a number that harms nobody must not be a write each time. */
const BOUND_INTERVAL_MS = 10 * 60_000;
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
  const writes = counts.flatMap(writeOf);
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
      writtenAt: writtenAfter(looks, writes, { before, now }),
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
const NOTHING_FOUND: Found = { notInjected: 0, stale: 0, overridden: 0 };

const foundIn = ({ notInjected, stale, overridden }: PodStock): Found => ({
  notInjected: notInjected.length,
  stale: stale.length,
  overridden: overridden.length,
});

type WriteCounts = Extract<StockAction, { type: 'WriteCounts' }>;

interface CountsDue {
  readonly write?: WriteCounts;
  readonly dueInMs?: number;
}

const writeOf = ({ write }: CountsDue = {}): readonly WriteCounts[] => (write === undefined ? [] : [write]);

function countsToWrite({ subject: { identity }, stock }: Look, { writtenAt }: Memory, now: number): CountsDue {
  if (identity === undefined) return {};
  const { notInjected, stale } = foundIn(stock);
  const pods: PodCounts = { bound: stock.bound, notInjected, stale };
  const written = identity.status?.pods ?? NO_PODS;
  const write: WriteCounts = { type: 'WriteCounts', identity, pods };
  if (pods.notInjected !== written.notInjected || pods.stale !== written.stale) return { write };
  if (pods.bound === written.bound) return {};
  const dueInMs = (writtenAt.get(identity.metadata.uid ?? '') ?? -Infinity) + BOUND_INTERVAL_MS - now;
  return dueInMs > 0 ? { dueInMs } : { write };
}

/** Identities that are gone are forgotten. */
function writtenAfter(
  looks: readonly Look[],
  writes: readonly WriteCounts[],
  { before, now }: { readonly before: Memory; readonly now: number },
): ReadonlyMap<string, number> {
  const written = new Set(writes.map(({ identity }) => identity.metadata.uid));
  return new Map(
    looks.flatMap(({ subject: { identity } }): readonly [string, number][] => {
      const { uid } = identity?.metadata ?? {};
      const at = written.has(uid) ? now : before.writtenAt.get(uid ?? '');
      return uid === undefined || at === undefined ? [] : [[uid, at]];
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
