import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import { printable } from '../printable.ts';
import { withoutSecrets } from '../secrets.ts';
import type { KubernetesClient } from './client.ts';
import { ApiError, isNotFound } from './errors.ts';
import type { KubernetesResource, ObjectMeta, ResourceType } from './resource.ts';

const EVENTS: ResourceType = {
  apiVersion: 'events.k8s.io/v1',
  kind: 'Event',
  plural: 'events',
  namespaced: true,
};

/** What an Event is about. Objects in lists carry no kind, so that it is said here. */
export interface EventSubject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
}

/** One thing that happened, in the words of events.k8s.io/v1. */
export interface ObjectEvent {
  readonly type: 'Normal' | 'Warning';
  /** Why, in CamelCase: the reason of the condition, at most 128 characters. */
  readonly reason: string;
  /** What was done or failed, in CamelCase, for example CreateRole; at most 128 characters. */
  readonly action: string;
  /** For a person. Cut to 1024 bytes of UTF-8; control characters become spaces. */
  readonly note: string;
}

export interface EventRecorder {
  /** Never throws and never waits: an Event that cannot be written is lost, as everywhere in Kubernetes. */
  record(subject: EventSubject, event: ObjectEvent): void;
  /** Resolves when everything that was recorded so far is written or given up. For the end of the process. */
  settled(): Promise<void>;
}

export interface EventRecorderOptions {
  readonly kubernetes: Pick<KubernetesClient, 'create' | 'mergePatch'>;
  readonly now: () => Date;
  /** Name of this replica, at most 128 characters. */
  readonly reportingInstance: string;
  readonly log: Logger;
}

const REPORTING_CONTROLLER = 'federatedidentity.dev/operator';
/** As client-go and kube-rs: what happens again within it is the same Event, counted. */
const SERIES_WINDOW_MS = 6 * 60_000;
const MAX_SERIES = 1_000;
/** An API server that hangs must not pile up requests; what comes on top is lost. */
const MAX_WRITES_AT_ONCE = 64;
const WRITE_TIMEOUT_MS = 10_000;
const MAX_NOTE_BYTES = 1024;
const MAX_FIELD = 128;

/** An Event as the API server has it, and how often it happened. */
interface Series {
  readonly body: Omit<EventResource, 'metadata' | 'eventTime'>;
  readonly namespace: string;
  readonly prefix: string;
  name: string;
  count: number;
  lastObserved: Date;
  /** The count that the API server knows; 0 before the Event is created. */
  written: number;
  isWriting: boolean;
}

interface EventResource extends KubernetesResource {
  readonly eventTime: string;
  readonly regarding: object;
  readonly type: string;
  readonly reason: string;
  readonly action: string;
  readonly note: string;
  readonly reportingController: string;
  readonly reportingInstance: string;
}

/**
 * Writes Events. A repeat within 6 minutes is counted in the `series` of the first; while a request is under way, repeats
 * only count, so that there is never more than one request for an Event.
 */
export function eventRecorder(options: EventRecorderOptions): EventRecorder {
  const { now, log } = options;
  const known = new Map<string, Series>();
  const writes = new Set<Promise<void>>();
  const failures = failureLog(log);

  const write = async (key: string, series: Series): Promise<void> => {
    series.isWriting = true;
    try {
      while (series.written !== series.count) await writeOnce(options, series);
      failures.recovered();
    } catch (error) {
      if (known.get(key) === series) known.delete(key); // the next repeat begins anew
      failures.failed(error);
    } finally {
      series.isWriting = false;
    }
  };

  return {
    record: (subject, event) => {
      const key = keyOf(subject, event);
      const at = now();
      const before = known.get(key);
      const isRepeat = before !== undefined && at.getTime() - before.lastObserved.getTime() < SERIES_WINDOW_MS;
      if (!isRepeat && writes.size >= MAX_WRITES_AT_ONCE) {
        failures.failed(new Error('too many Events at once'));
        return;
      }
      const series = isRepeat ? before : newSeries(subject, event, options.reportingInstance);
      series.count += 1;
      series.lastObserved = at;
      known.delete(key);
      known.set(key, series); // the most recent is the last
      forgetOldest(known);
      if (series.isWriting) return;
      const writing = write(key, series).finally(() => writes.delete(writing));
      writes.add(writing);
    },
    settled: async () => void (await Promise.all(writes)),
  };
}

function forgetOldest(known: Map<string, Series>): void {
  const [oldest] = known.keys();
  if (known.size > MAX_SERIES && oldest !== undefined) known.delete(oldest);
}

/** A digest, so that a thousand notes are not kept. */
const keyOf = ({ metadata: { uid } }: EventSubject, { reason, action, type, note }: ObjectEvent): string =>
  digest([uid, reason, action, type, note]);

const digest = (parts: readonly unknown[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);

function newSeries({ apiVersion, kind, metadata }: EventSubject, event: ObjectEvent, instance: string): Series {
  const { name = '', namespace, uid, resourceVersion } = metadata;
  return {
    body: {
      type: event.type,
      reason: event.reason.slice(0, MAX_FIELD),
      action: event.action.slice(0, MAX_FIELD),
      note: noteOf(event.note),
      regarding: { apiVersion, kind, name, namespace, uid, resourceVersion },
      reportingController: REPORTING_CONTROLLER,
      reportingInstance: instance.slice(0, MAX_FIELD),
    },
    namespace: namespace ?? 'default', // where the API server wants Events of cluster-scoped objects
    prefix: name.slice(0, 200).replace(/[.-]+$/, ''),
    name: '',
    count: 0,
    lastObserved: new Date(0),
    written: 0,
    isWriting: false,
  };
}

async function writeOnce({ kubernetes }: EventRecorderOptions, series: Series): Promise<void> {
  const { body, count, lastObserved, namespace, prefix } = series;
  const signal = AbortSignal.timeout(WRITE_TIMEOUT_MS);
  const time = microTime(lastObserved);
  if (series.written === 0) {
    series.name = `${prefix}.${digest([body, time]).slice(0, 16)}`;
    const metadata = { name: series.name, namespace };
    await kubernetes.create<EventResource>(EVENTS, { metadata, eventTime: time, ...body }, signal);
    series.written = 1;
    return;
  }
  try {
    const patch = { series: { count, lastObservedTime: time } };
    await kubernetes.mergePatch(EVENTS, { namespace, name: series.name }, patch, signal);
    series.written = count;
  } catch (error) {
    if (!isNotFound(error)) throw error;
    series.written = 0; // Events live for an hour: this one is a new one
    series.count = 1;
  }
}

/** metav1.MicroTime: exactly six digits. */
const microTime = (date: Date): string => date.toISOString().replace('Z', '000Z');

/** The API server counts bytes (validation of events.k8s.io/v1); no character is cut in two. */
function noteOf(text: string): string {
  const line = printable(withoutSecrets(text));
  const { read } = new TextEncoder().encodeInto(line, new Uint8Array(MAX_NOTE_BYTES));
  return line.slice(0, read);
}

interface FailureLog {
  failed(error: unknown): void;
  recovered(): void;
}

/** The first of a kind of failures in a row is a warning, the others are for those who look. Never a body or a header. */
function failureLog(log: Logger): FailureLog {
  let last: string | number | undefined;
  return {
    failed: (error) => {
      const code = codeOf(error);
      log[code === last ? 'debug' : 'warn']({ code }, 'an Event is lost');
      last = code;
    },
    recovered: () => {
      last = undefined;
    },
  };
}

function codeOf(error: unknown): string | number {
  if (error instanceof ApiError) return error.code;
  if (!(error instanceof Error)) return 'unknown';
  const { cause = error } = error;
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : error.message;
}
