import type { Logger } from 'pino';
import type { Priority } from './fair-line.ts';

/** The name of an object, and nothing else: a reconciler reads the object itself from a store. */
export interface Request {
  /** Missing for cluster-scoped kinds. */
  readonly namespace?: string | undefined;
  readonly name: string;
}

/** Why an object should be looked at. */
export interface Wake extends Request {
  /** Default: `change`, for objects that are new to the store `new`, and for those that it had at the start `background`. */
  readonly priority?: Priority;
  /** Whether such wakes of one object are spaced out, as each may mean writes: of a spec that flaps, of a status that counts. */
  readonly isSpaced?: boolean;
}

export interface Result {
  /** Look again after this time even if nothing changes. Missing: only a change brings the object back. */
  readonly requeueAfterMs?: number | undefined;
}

export interface ReconcileContext {
  /** Aborts when leadership is lost, when the shutdown's grace is over, and after the reconcile's own time limit. */
  readonly signal: AbortSignal;
  /** Carries controller, object and reconcileId. */
  readonly log: Logger;
}

/** Brings one object to its desired state. Level-based and idempotent; a failure is a thrown ReconcileError. */
export type Reconcile = (request: Request, context: ReconcileContext) => Promise<Result>;

/** `namespace/name`; the namespace is empty for cluster scope. Neither part can contain a slash. */
export type RequestKey = `${string}/${string}`;

export const requestKey = ({ namespace = '', name }: Request): RequestKey => `${namespace}/${name}`;

/** The inverse of `requestKey`. */
export function toRequest(key: RequestKey): Request {
  const [namespace = '', name = ''] = key.split('/');
  return namespace === '' ? { name } : { namespace, name };
}
