import { expect, test } from 'vitest';
import { statusJson } from './status-json.ts';
import { statusText } from './status-text.ts';
import type { Health, ProviderNode } from './status-tree.ts';
import { watchStatus } from './status-watch.ts';
import { CliError } from './failures.ts';
import { painter } from './terminal.ts';

const ready: Health = { state: 'ready', ready: true, message: 'It works.' };
const denied: Health = { state: 'failed', ready: false, reason: 'AccessDenied', message: 'no right to\u001b[2J it' };
const TREE: readonly ProviderNode[] = [
  {
    name: 'default',
    accountId: '111122223333',
    health: ready,
    identities: [
      {
        namespace: 'a',
        name: 'app',
        roleArn: 'arn:role',
        health: denied,
        serviceAccount: {
          name: 'app',
          exists: true,
          pods: [
            { name: 'p1', phase: 'Running', injection: 'injected' },
            { name: 'p2', phase: 'Pending', injection: 'other role' },
          ],
        },
      },
      { namespace: 'b', name: 'web', health: ready, serviceAccount: { name: 'web', exists: false, pods: [] } },
    ],
  },
];
const whole = { paint: painter(false), columns: undefined, isWide: false };

test('the tree has one line for each object, and says what is wrong; a tenant cannot steer the terminal', () => {
  expect(statusText(TREE, whole)).toBe(String.raw`✓ AwsOidcProvider default (account 111122223333)
├─ ✗ a/app  AccessDenied: no right to\u001b[2J it
│  └─ ✓ ServiceAccount app
│     ├─ ✓ Pod p1  injected
│     └─ ✗ Pod p2  other role: it keeps that until it is replaced
└─ ✓ b/web
   └─ ✗ ServiceAccount web  does not exist
`);
});

test('lines are cut to the terminal, and wide shows more', () => {
  const lines = statusText(TREE, { ...whole, columns: 24 }).split('\n');
  expect(lines[1]).toBe('├─ ✗ a/app  AccessDenie…');
  expect(lines.every((line) => line.length <= 24)).toBe(true);
  const wide = statusText(TREE, { ...whole, isWide: true });
  expect(wide).toContain('a/app (arn:role)  AccessDenied');
  expect(wide).toContain('Pod p2 (Pending)');
});

test('colours only where they are wanted', () => {
  expect(statusText(TREE, { ...whole, paint: painter(true) })).toContain('\u001b[31m✗\u001b[39m');
  expect(statusText(TREE, whole)).not.toContain('\u001b');
});

test('pods that want a restart are counted beside their identity, with the command', () => {
  const [provider] = TREE;
  const counted = (notInjected: number): string => {
    const counts = { bound: 3, notInjected, stale: 0 };
    const identities = provider?.identities.map((one) => ({ ...one, counts })) ?? [];
    return statusText(provider === undefined ? [] : [{ ...provider, identities }], whole);
  };
  expect(counted(0)).toBe(statusText(TREE, whole));
  expect(counted(2)).toContain(
    'b/web  pods: 3, 2 not injected, 0 stale; next: kubectl aws-identity restart web -n b --stale\n',
  );
});

test('JSON has the same keys whatever there is', () => {
  const [{ identities }] = JSON.parse(statusJson(TREE));
  expect(Object.keys(identities[0])).toEqual(Object.keys(identities[1]));
  expect(identities[1]).toMatchObject({ roleArn: null, state: 'ready', ready: true, reason: null, pods: null });
});

test.each([
  { name: 'appends', isTerminal: false, expected: ['1', '---\n2'] },
  { name: 'clears the screen', isTerminal: true, expected: ['\u001b[2J\u001b[H1', '\u001b[2J\u001b[H2'] },
])('a watch $name when something changed, and outlives a failure', async ({ isTerminal, expected }) => {
  const looks = [() => '1', () => '1', refuse, refuse, () => '2'];
  const written: string[] = [];
  const warned: string[] = [];
  const watching = watchStatus({
    look: async () => looks.shift()?.() ?? '',
    write: (text) => void written.push(text),
    warn: (text) => void warned.push(text),
    isTerminal,
    pause: async () => {
      if (looks.length === 0) throw new Error('over');
    },
  });
  await expect(watching).rejects.toThrow('over');
  expect({ written, warned }).toEqual({ written: expected, warned: ['away\n'] });
});

function refuse(): never {
  throw new CliError('away');
}
