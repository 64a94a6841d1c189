import { describe, expect, test, vi } from 'vitest';
import { type Disruptions, History } from '../support/chaos-history.ts';
import { judge, LAG_MS, type PodRequest } from '../support/chaos-oracle.ts';
import type { Outcome } from '../support/chaos-pods.ts';
import { type ChaosResult, runChaos } from '../support/chaos-run.ts';
import { chaosTable } from '../support/chaos-table.ts';

// Promise 3: a pod of a ServiceAccount that has a role is injected or denied, never silently bare; no other pod is touched.
// `npm run test:chaos` does the same with 10 000 pods; CHAOS_SEED repeats the decisions of a run.
const seed = Number(process.env['CHAOS_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

const ROLE = 'arn:aws:iam::111122223333:role/federated/reports';
const OTHER = 'arn:aws:iam::111122223333:role/federated/other';
const created = { kind: 'created', untouched: false, complete: true, kept: true, roles: [ROLE], added: [] } as const;
const bare = { ...created, untouched: true, complete: false, roles: [] } as const;
const denied = { kind: 'denied', gate: 'federated-identity-table-gate', isReasoned: true, message: '' } as const;
const calm: Disruptions = { restarts: [], lostTables: [] };

/** A ServiceAccount that has had the role for a while, with an entry in the table or without. */
function bound(
  by: 'identity' | 'annotation',
  entry: string | null = `${ROLE} sts.amazonaws.com 86400 eu-west-1`,
): History {
  const history = new History('analytics', 'reports');
  history.begin({ kind: 'role', roleArn: ROLE, by }, 'bound')();
  history.see(entry ?? undefined, performance.now());
  return history;
}

/** `later` milliseconds from now. */
function request(history: History, outcome: Outcome, later: number = 2 * LAG_MS): PodRequest {
  const begun = performance.now() + later;
  return { history, outcome, optsOut: false, begun, ended: begun + 10 };
}

const never = (): History => new History('analytics', 'plain');
const restarted = (): Disruptions => {
  const begun = performance.now();
  return { restarts: [{ begun, ended: begun + 100 }], lostTables: [] };
};

describe('the judge of the run', () => {
  test.each<{ name: string; of: () => PodRequest; expected: object }>([
    { name: 'injected', of: () => request(bound('identity'), created), expected: { kind: 'injected' } },
    { name: 'denied', of: () => request(bound('identity'), denied), expected: { kind: 'denied' } },
    { name: 'bare', of: () => request(bound('identity'), bare), expected: { kind: 'violation' } },
    { name: 'bare, of an annotation', of: () => request(bound('annotation'), bare), expected: { kind: 'violation' } },
    {
      name: 'bare without an entry',
      of: () => request(bound('identity', null), bare),
      expected: { kind: 'violation' },
    },
    {
      name: 'bare at once',
      of: () => request(bound('identity', null), bare, 5),
      expected: { kind: 'gap', gap: 'watch lag' },
    },
    {
      name: 'bare without an entry, of an annotation',
      of: () => request(bound('annotation', null), bare),
      expected: { kind: 'violation' },
    },
    {
      name: 'injected in part',
      of: () => request(bound('identity'), { ...created, complete: false }),
      expected: { kind: 'violation' },
    },
    {
      name: 'injected with the role of another',
      of: () => request(bound('identity'), { ...created, roles: [OTHER] }),
      expected: { kind: 'violation' },
    },
    {
      name: 'denied in words that are not ours',
      of: () => request(bound('identity'), { ...denied, isReasoned: false }),
      expected: { kind: 'violation' },
    },
    {
      name: 'opted out and injected',
      of: () => ({ ...request(bound('identity'), created), optsOut: true }),
      expected: { kind: 'violation' },
    },
    { name: 'untouched', of: () => request(never(), bare), expected: { kind: 'untouched' } },
    { name: 'of nobody and denied', of: () => request(never(), denied), expected: { kind: 'violation' } },
    { name: 'of nobody and injected', of: () => request(never(), created), expected: { kind: 'violation' } },
    {
      name: 'without what its author wrote',
      of: () => request(never(), { ...bare, kept: false }),
      expected: { kind: 'violation' },
    },
  ])('says of a pod $name: $expected', ({ of, expected }) => {
    expect(judge(of(), calm)).toMatchObject(expected);
  });

  test.each([
    { name: 'that was never bound', entry: null, expected: { kind: 'gap', gap: 'young API server' } },
    { name: 'with an entry', entry: `${ROLE} sts.amazonaws.com 600 -`, expected: { kind: 'violation' } },
  ])('excuses a bare pod of an identity $name by a restart, or not', ({ entry, expected }) => {
    const verdict = judge(request(bound('identity', entry), bare), restarted());
    expect(verdict).toMatchObject(expected);
  });

  test.each([
    { name: 'is not back yet', returned: 5_000, expected: { kind: 'gap', gap: 'lost table' } },
    { name: 'is back', returned: 2_000, expected: { kind: 'violation' } },
    { name: 'does not come back for half a minute', returned: 60_000, after: 40_000, expected: { kind: 'violation' } },
  ])('excuses a bare pod by a lost table while its entry $name', ({ returned, after = 4_000, expected }) => {
    const history = bound('identity');
    const lost = { namespace: history.namespace, begun: performance.now(), ended: performance.now() + 1_500 };
    history.see(undefined, performance.now());
    vi.spyOn(performance, 'now').mockReturnValue(lost.begun + returned);
    history.see(`${ROLE} sts.amazonaws.com 86400 eu-west-1`, lost.begun + returned);
    vi.restoreAllMocks();
    const verdict = judge(request(history, bare, after), { restarts: [], lostTables: [lost] });
    expect(verdict).toMatchObject(expected);
  });

  test('leaves open what changed meanwhile', () => {
    const history = bound('annotation');
    history.begin({ kind: 'none' }, 'removed');
    expect(judge(request(history, bare), calm)).toEqual({ kind: 'changed' });
  });
});

test.concurrent.for(['policy', 'webhook'] as const)(
  'random pods in %s mode, while operator and API server are killed, are injected or denied',
  { timeout: 300_000 },
  async (mode, { expect: expectHere }) => {
    const result = await runChaos({ mode, seed, pods: 400, rate: 14, restarts: [0.55], losesTable: true });
    console.info(chaosTable([result]));
    expectHere(result.violations.join('\n\n')).toBe('');
    expectSubstance(result, expectHere);
  },
);

/** A run in which nothing happens, or everything is denied, proves nothing. */
function expectSubstance({ verdicts, disturbances, pods }: ChaosResult, expectHere: typeof expect): void {
  const share = (verdict: string): number => (verdicts.get(verdict) ?? 0) / pods;
  expectHere(share('injected')).toBeGreaterThan(0.1);
  expectHere(share('untouched')).toBeGreaterThan(0.15);
  expectHere(share('changed')).toBeLessThan(0.4);
  expectHere([...verdicts.keys()].filter((verdict) => verdict.startsWith('denied by '))).not.toEqual([]);
  expectHere(disturbances.get('restartApiServer')).toBe(1);
  expectHere(disturbances.size).toBeGreaterThan(2);
}
