import { ApiError } from '../../src/kube/errors.ts';
import { awsError } from '../support/builders.ts';
import type { Random } from './random.ts';
import type { Process, VirtualTime } from './virtual-time.ts';

export type Target = 'api' | 'iam' | 'sts';
/** What can go wrong with a request; each for a while and with some probability. */
export type Fault = 'throttled' | 'server-error' | 'conflict' | 'timeout' | 'lost' | 'denied' | 'quota';

export interface Storm {
  readonly target: Target;
  readonly fault: Fault;
  readonly probability: number;
  readonly until: number;
  /** Hit only operations whose name contains it. */
  readonly operation: string;
}

/** How a request fares: refused before it took effect, or taken with its answer lost, or slow. */
export interface Fate {
  readonly error: Error;
  readonly takesEffect: boolean;
  readonly afterMs: number;
}

export interface Request<T> {
  /** No storm blows at S3. */
  readonly target: Target | 's3';
  readonly operation: string;
  readonly effect: () => T;
}

/** What lies between the operator's processes and the world: latency, faults, and the death of a process. */
export class Network {
  readonly #time: VirtualTime;
  readonly #random: Random;
  #storms: Storm[] = [];
  /** Asked for each request as it arrives, before any storm; a crash at this very request begins here. */
  intercept: (request: Pick<Request<unknown>, 'target' | 'operation'>) => Fate | undefined = () => undefined;

  constructor(time: VirtualTime, random: Random) {
    this.#time = time;
    this.#random = random;
  }

  add(storm: Storm): void {
    this.#storms.push(storm);
  }

  calm(): void {
    this.#storms = [];
  }

  /** A line of one process; when `kill` was called, nothing comes back by it any more. */
  line(owner: Process): Line {
    return new Line({ time: this.#time, random: this.#random, owner }, (request) => this.#fate(request));
  }

  #fate({ target, operation }: Pick<Request<unknown>, 'target' | 'operation'>): Fate | undefined {
    const intercepted = this.intercept({ target, operation });
    if (intercepted !== undefined) return intercepted;
    const now = this.#time.now();
    this.#storms = this.#storms.filter(({ until }) => until > now);
    const storm = this.#storms.find(
      (one) => one.target === target && operation.includes(one.operation) && this.#random.chance(one.probability),
    );
    return storm === undefined ? undefined : fateOf(storm, operation, this.#random);
  }
}

function fateOf({ target, fault }: Storm, operation: string, random: Random): Fate {
  const refused = (error: Error): Fate => ({ error, takesEffect: false, afterMs: 0 });
  switch (fault) {
    case 'throttled':
      return refused(
        target === 'api'
          ? new ApiError(429, 'TooManyRequests', 'too many requests', 1_000 + random.below(4_000))
          : awsError('Throttling', 'Rate exceeded'),
      );
    case 'server-error':
      return refused(
        target === 'api'
          ? new ApiError(500, 'InternalError', 'etcdserver: request timed out')
          : awsError('ServiceFailure', 'The service is ill', 'server'),
      );
    case 'conflict':
      return refused(
        target === 'api'
          ? new ApiError(409, 'Conflict', 'the object has been modified')
          : awsError('ConcurrentModification', 'somebody else writes too'),
      );
    case 'denied':
      return refused(
        target === 'api'
          ? new ApiError(403, 'Forbidden', 'forbidden for a while')
          : awsError(
              'AccessDenied',
              `User: arn:aws:iam::111122223333:user/op is not authorized to perform: iam:${operation}`,
            ),
      );
    case 'quota':
      return refused(awsError('LimitExceeded', 'Cannot exceed quota for RolesPerAccount: 1000'));
    case 'timeout':
      return {
        error: new DOMException('No answer.', 'TimeoutError'),
        takesEffect: random.chance(0.5),
        afterMs: target === 'api' ? 30_000 : 15_000,
      };
    case 'lost':
      return {
        error: Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }),
        takesEffect: true,
        afterMs: 0,
      };
    default:
      return fault satisfies never;
  }
}

/** A request of a process that died may still be on its way for so long. */
const LATE_MS = 15_000;
const LATENCY_MS = { api: 20, iam: 120, sts: 80, s3: 60 };

interface Ends {
  readonly time: VirtualTime;
  readonly random: Random;
  /** The process at the near end. */
  readonly owner: Process;
}

export class Line {
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #owner: Process;
  readonly #fate: (request: Request<unknown>) => Fate | undefined;
  #isDead = false;

  constructor({ time, random, owner }: Ends, fate: (request: Request<unknown>) => Fate | undefined) {
    this.#time = time;
    this.#random = random;
    this.#owner = owner;
    this.#fate = fate;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  /** kill -9: what was sent may still arrive, and no answer comes back. */
  kill(): void {
    this.#isDead = true;
  }

  send<T>(request: Request<T>, signal: AbortSignal): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    if (this.#isDead) return promise;
    if (signal.aborted) return Promise.reject(signal.reason);
    const onAbort = (): void => {
      if (!this.#isDead) reject(signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    const answer = (tell: () => void, ms: number): void => {
      const arrived = (): void => {
        signal.removeEventListener('abort', onAbort);
        if (!this.#isDead) tell();
      };
      this.#time.after(ms, arrived, this.#owner);
    };
    const arrive = (): void => {
      const fate = this.#fate(request);
      const outcome = fate?.takesEffect === false ? undefined : attempt(request.effect);
      if (fate !== undefined) return answer(() => reject(fate.error), fate.afterMs + this.#latency(request));
      if (outcome?.kind === 'done') return answer(() => resolve(outcome.value), this.#latency(request));
      return answer(() => reject(outcome?.error), this.#latency(request));
    };
    const onItsWay = (): void => {
      if (!this.#isDead) arrive();
      else if (this.#random.chance(0.5)) this.#time.after(this.#random.below(LATE_MS), arrive, 'world');
    };
    this.#time.after(this.#latency(request), onItsWay, 'world'); // a process that stands still has sent it all the same
    return promise;
  }

  #latency({ target }: Pick<Request<unknown>, 'target'>): number {
    return 1 + this.#random.below(LATENCY_MS[target]);
  }
}

type Outcome<T> = { readonly kind: 'done'; readonly value: T } | { readonly kind: 'failed'; readonly error: unknown };

function attempt<T>(effect: () => T): Outcome<T> {
  try {
    return { kind: 'done', value: effect() };
  } catch (error) {
    return { kind: 'failed', error };
  }
}
