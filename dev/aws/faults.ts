import { setTimeout as sleep } from 'node:timers/promises';
import { accessDenied, AwsError, ConnectionCut, throttled } from './errors.ts';

/** What goes wrong. `dropResponse` does the work and then cuts the connection: the caller cannot know. */
export type FaultEffect =
  /** Whoever asks decides about each call, and may take time: the call waits at AWS's door. */
  | { readonly kind: 'ask'; readonly decide: (candidate: FaultCandidate) => Promise<Decision> }
  | { readonly kind: 'throttle' }
  | { readonly kind: 'error'; readonly code: string; readonly message: string; readonly status: number }
  | { readonly kind: 'latency'; readonly ms: number }
  | { readonly kind: 'dropResponse' }
  /** Reads (and STS) do not see writes younger than this: IAM's eventual consistency. */
  | { readonly kind: 'delayReads'; readonly ms: number }
  | { readonly kind: 'deny' };

/** `dropRequest` cuts the connection with nothing done. */
export type Decision = 'proceed' | 'dropRequest' | 'dropResponse';

/** What a rule can look at before it strikes. */
export interface FaultCandidate {
  readonly service: 'iam' | 'sts' | 's3';
  readonly operation: string;
  readonly account: string;
  readonly principal: string;
  readonly resource: string;
  readonly write: boolean;
  readonly parameters: Readonly<Record<string, string>>;
}

export interface FaultRule {
  /** Operation name (`CreateRole`, `GetObject`) or `*`. */
  readonly operation: string;
  readonly match?: (candidate: FaultCandidate) => boolean;
  /** How often it strikes; for ever if absent. */
  readonly times?: number;
  /** 0..1, 1 if absent. */
  readonly probability?: number;
  readonly effect: FaultEffect;
}

/** What is left for the pipeline to do after `strike`. */
export interface Struck {
  readonly delayReadsMs: number;
  readonly dropResponse: boolean;
}

/** The scriptable faults of one local AWS. Rules are tried in order; all that match apply. */
export class Faults {
  #rules: { readonly rule: FaultRule; left: number }[] = [];
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Adds a rule; dispose the result (or call `clear`) to take it away. */
  add(rule: FaultRule): Disposable {
    const entry = { rule, left: rule.times ?? Infinity };
    this.#rules.push(entry);
    return {
      [Symbol.dispose]: () => {
        this.#rules = this.#rules.filter((other) => other !== entry);
      },
    };
  }

  clear(): void {
    this.#rules = [];
  }

  /** Applies the rules to a call: waits, throws what AWS would answer, or says how the call is to be altered. */
  async strike(candidate: FaultCandidate): Promise<Struck> {
    let delayReadsMs = 0;
    let dropResponse = false;
    for (const effect of this.#take(candidate)) {
      if (effect.kind === 'delayReads') delayReadsMs = Math.max(delayReadsMs, effect.ms);
      else if (effect.kind === 'dropResponse') dropResponse = true;
      else if (effect.kind === 'ask') dropResponse = (await isUnanswered(effect.decide(candidate))) || dropResponse; // oxlint-disable-line no-await-in-loop -- as the rules are in order
      else await fail(effect, candidate); // oxlint-disable-line no-await-in-loop -- latencies add up
    }
    return { delayReadsMs, dropResponse };
  }

  #take(candidate: FaultCandidate): FaultEffect[] {
    return this.#rules.filter((entry) => this.#strikes(entry, candidate)).map(({ rule }) => rule.effect);
  }

  #strikes(entry: { readonly rule: FaultRule; left: number }, candidate: FaultCandidate): boolean {
    const { operation, match, probability = 1 } = entry.rule;
    if (entry.left <= 0 || (operation !== '*' && operation !== candidate.operation)) return false;
    if (match !== undefined && !match(candidate)) return false;
    if (probability < 1 && this.#random() >= probability) return false;
    entry.left -= 1;
    return true;
  }
}

async function isUnanswered(decision: Promise<Decision>): Promise<boolean> {
  const what = await decision;
  if (what === 'dropRequest') throw new ConnectionCut();
  return what === 'dropResponse';
}

type FailingEffect = Exclude<FaultEffect, { kind: 'ask' | 'delayReads' | 'dropResponse' }>;

async function fail(effect: FailingEffect, candidate: FaultCandidate): Promise<void> {
  switch (effect.kind) {
    case 'latency':
      await sleep(effect.ms);
      return;
    case 'throttle':
      throw candidate.service === 's3'
        ? new AwsError('SlowDown', 503, 'Please reduce your request rate.')
        : throttled();
    case 'error':
      throw new AwsError(effect.code, effect.status, effect.message);
    case 'deny':
      throw accessDenied(
        `User: ${candidate.principal} is not authorized to perform: ${candidate.service}:${candidate.operation} on resource: ${candidate.resource} with an explicit deny in a service control policy`,
      );
    default:
      return effect satisfies never;
  }
}
