import { setTimeout as sleep } from 'node:timers/promises';
import { startStack, type Stack } from '../../dev/stack/stack.ts';
import type { Progress } from '../../dev/cluster/progress.ts';
import { identity, provider, S3_READ } from '../../test/support/stories.ts';
import type { Recording } from './picture.ts';

const INTERVAL_MS = 2_000;
const TEAMS = ['team-a', 'team-b', 'team-c'];
const IN_EACH = 20;
/** What the picture shows; all of it would be a megabyte. */
const SHOWN =
  /^(aws_api_requests_total|aws_rate_limit_|federated_identity_(identity_conditions\{condition="Ready"|drift_repaired)|workqueue_oldest_wait_seconds\{name="aws-federated-identity")/;

/** Runs the real operator on a real API server and the local AWS for four minutes, does things to it, and scrapes it. */
export async function record(progress: Progress): Promise<Recording> {
  await using stack = await startStack({ progress, environment: { RESYNC_INTERVAL: '20' } });
  const begin = performance.now();
  const now = (): number => Math.round((performance.now() - begin) / 100) / 10;
  const times: number[] = [];
  const events: { at: number; title: string }[] = [];
  const series: Record<string, (number | null)[]> = {};
  const story = new AbortController();
  const scraping = (async () => {
    while (!story.signal.aborted) {
      const text = await (await fetch(`${stack.operator.url}/metrics`)).text();
      add(series, times.length, text);
      times.push(now());
      await sleep(INTERVAL_MS);
    }
  })();
  const tell = (title: string): void => {
    progress(`${now()} s: ${title}`);
    events.push({ at: now(), title });
  };
  await happen(stack, tell);
  story.abort();
  await scraping;
  for (const values of Object.values(series)) while (values.length < times.length) values.push(null);
  return { times, events, series };
}

function add(series: Record<string, (number | null)[]>, index: number, text: string): void {
  for (const line of text.split('\n').filter((candidate) => SHOWN.test(candidate))) {
    const end = line.lastIndexOf(' ');
    const values = (series[line.slice(0, end)] ??= []);
    while (values.length < index) values.push(null);
    values.push(Number(line.slice(end + 1)));
  }
}

/** What a bad afternoon brings. */
async function happen(stack: Stack, tell: (title: string) => void): Promise<void> {
  const { kubectl, account, aws } = stack;
  await kubectl(['apply', '-f', '-'], provider());
  await kubectl(['wait', 'aop/default', '--for=condition=Ready', '--timeout=60s']);
  await sleep(10_000);
  tell(`${TEAMS.length * IN_EACH} identities`);
  await kubectl(['apply', '-f', '-'], { apiVersion: 'v1', kind: 'List', items: TEAMS.map(namespace) });
  await kubectl(['apply', '-f', '-'], {
    apiVersion: 'v1',
    kind: 'List',
    items: TEAMS.flatMap((team) => identitiesOf(team)),
  });
  await sleep(50_000);
  tell('a change of all, and AWS throttles');
  const storm = aws.faults.add({
    operation: '*',
    match: ({ write }) => write,
    probability: 0.5,
    effect: { kind: 'throttle' },
  });
  const longer = {
    apiVersion: 'v1',
    kind: 'List',
    items: TEAMS.flatMap((team) => identitiesOf(team, { description: 'changed' })),
  };
  await kubectl(['apply', '-f', '-'], longer);
  await sleep(30_000);
  storm[Symbol.dispose]();
  tell('AWS recovers');
  await sleep(40_000);
  tell('roles changed by hand');
  for (const { name } of account.roles().slice(0, 12))
    await account.perform('DetachRolePolicy', { RoleName: name, PolicyArn: S3_READ });
  await sleep(35_000);
  tell('credentials expire');
  const message = 'The security token included in the request is expired';
  const expired = aws.faults.add({
    operation: '*',
    effect: { kind: 'error', code: 'ExpiredToken', message, status: 403 },
  });
  await sleep(40_000);
  expired[Symbol.dispose]();
  tell('renewed');
  await sleep(70_000);
}

const namespace = (name: string): object => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });

const identitiesOf = (team: string, role: object = {}): readonly object[] =>
  Array.from({ length: IN_EACH }, (_, index) =>
    identity(team, { role: { managedPolicyArns: [S3_READ], ...role } }, `app-${index}`),
  );
