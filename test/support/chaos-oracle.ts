import type { Outcome } from './chaos-pods.ts';
import { type Claim, type Disruptions, type History, overlap, type Span } from './chaos-history.ts';

/** One pod creation: sent at `begun`, answered at `ended`. */
export interface PodRequest extends Span {
  readonly history: History;
  readonly optsOut: boolean;
  readonly outcome: Outcome;
}

/** Where docs/injection.md and ADR 1 say that a pod may start without the role that its ServiceAccount has. */
export type Gap =
  /** The API server, or a replica, had not been told yet of a change: at most `LAG_MS`. */
  | 'watch lag'
  /** Identity without an entry yet, and an API server younger than 30 s: its pending gate is blind. */
  | 'young API server'
  /** Somebody deleted the table with the operator's own rights. */
  | 'lost table';

export type Verdict =
  | { readonly kind: 'injected' | 'untouched' | 'changed' | 'failed' }
  | { readonly kind: 'denied'; readonly gate: string }
  | { readonly kind: 'gap'; readonly gap: Gap; readonly afterMs: number }
  | { readonly kind: 'violation'; readonly why: string };

export const LAG_MS = 1_000;
/** How long an API server may not know custom kinds (ADR 1). */
const BLIND_MS = 30_000;
/** A table that was lost must be back in this time; a dead leader's Lease takes 15 s of it. */
export const LOST_TABLE_MS = 30_000;

/** Whether promise 3 was kept for one pod: injected or denied if its ServiceAccount had a role, else untouched. */
export function judge(request: PodRequest, disruptions: Disruptions): Verdict {
  const { outcome, history, optsOut } = request;
  if (outcome.kind === 'failed') return { kind: 'failed' };
  if (outcome.kind === 'created' && !outcome.kept) return violation('lost something that its author wrote');
  if (optsOut) return judgeUntouched(request, outcome, disruptions);
  if (outcome.kind === 'created' && !outcome.untouched && !outcome.complete) return violation('injected in part');
  const strange = outcome.kind === 'created' && outcome.roles.find((role) => !history.hasHadRole(role));
  if (typeof strange === 'string') return violation(`given ${strange}, which its ServiceAccount never had`);
  if (history.changesDuring(request)) return { kind: 'changed' };
  const change = history.changeBefore(request.begun);
  switch (change.to.kind) {
    case 'none':
      return isSettling(request, change.ended) ? { kind: 'changed' } : judgeUntouched(request, outcome, disruptions);
    case 'role':
      return judgeRole(request, { ...change.to, since: change }, disruptions);
  }
}

const violation = (why: string): Verdict => ({ kind: 'violation', why });

/** A role that was just taken away counts until all have been told, and an annotation's until its entry is gone. */
const isSettling = ({ begun, ended, history }: PodRequest, settled: number): boolean =>
  begun - settled <= LAG_MS || history.sightBefore(ended + LAG_MS).entry !== undefined;

function judgeUntouched(request: PodRequest, outcome: Outcome, disruptions: Disruptions): Verdict {
  switch (outcome.kind) {
    case 'created':
      return outcome.untouched ? { kind: 'untouched' } : violation('injected, and should have been left alone');
    case 'denied':
      // An API server that starts may deny what it can't judge yet (ADR 1), as it may refuse the connection.
      return isStarting(request, disruptions)
        ? { kind: 'failed' }
        : violation(`denied by ${outcome.gate}, and should have been left alone: ${outcome.message}`);
    case 'failed':
      return { kind: 'failed' };
  }
}

const isStarting = (request: Span, { restarts }: Disruptions): boolean =>
  restarts.some((restart) => overlap(request, restart));

type Role = Extract<Claim, { kind: 'role' }> & { readonly since: Span };

function judgeRole(request: PodRequest, role: Role, disruptions: Disruptions): Verdict {
  const { outcome, begun, history } = request;
  switch (outcome.kind) {
    case 'failed':
      return { kind: 'failed' };
    case 'denied':
      return outcome.isReasoned || isStarting(request, disruptions)
        ? { kind: 'denied', gate: outcome.gate }
        : violation(`denied by ${outcome.gate} with a message that is not ours: ${outcome.message}`);
    case 'created': {
      const isRight = outcome.roles.every((one) => one === role.roleArn);
      if (outcome.complete && isRight) return { kind: 'injected' };
      const found = outcome.complete ? staleGap(request, role) : bareGap(request, role, disruptions);
      if (found !== undefined) return { kind: 'gap', gap: found.gap, afterMs: begun - found.since };
      const told = `${(begun - role.since.ended).toFixed(0)} ms after ${role.roleArn} (entry: ${history.sightBefore(begun).entry})`;
      return violation(outcome.complete ? `given the role of before, ${told}` : `bare, ${told}`);
    }
  }
}

interface FoundGap {
  readonly gap: Gap;
  /** What it is measured from. */
  readonly since: number;
}

/** The pod got an earlier role of its ServiceAccount. */
function staleGap({ begun }: PodRequest, role: Role): FoundGap | undefined {
  const changed = role.since.ended;
  return begun - changed <= LAG_MS ? { gap: 'watch lag', since: changed } : undefined;
}

/** The entries come back one by one: a replica that stood still meanwhile writes some of them later than those of others. */
const lossEnd = (lost: Span, { history }: PodRequest): number =>
  Math.max(lost.ended, history.returnAfter(lost) ?? -Infinity);

/** The pod got nothing. */
function bareGap(request: PodRequest, role: Role, disruptions: Disruptions): FoundGap | undefined {
  const { begun, ended, history } = request;
  const changed = role.since.ended;
  const lost = disruptions.lostTables.find(
    (one) => one.namespace === history.namespace && overlap(request, { ...one, ended: lossEnd(one, request) + LAG_MS }),
  );
  if (lost !== undefined)
    return begun - lost.begun <= LOST_TABLE_MS ? { gap: 'lost table', since: lost.begun } : undefined;
  const sight = history.sightBefore(begun);
  if (sight.entry !== undefined) {
    const told = Math.max(sight.at, changed);
    return begun - told <= LAG_MS ? { gap: 'watch lag', since: told } : undefined;
  }
  if (history.firstSight(role.since.begun, () => true) < begun) return undefined; // the entry was there, and is gone
  const young = disruptions.restarts.find((one) => one.begun <= ended && begun <= one.ended + BLIND_MS);
  if (role.by === 'identity' && young !== undefined) return { gap: 'young API server', since: young.begun };
  return begun - changed <= LAG_MS ? { gap: 'watch lag', since: changed } : undefined;
}
