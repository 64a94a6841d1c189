import { spawnSync } from 'node:child_process';
import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { admissionCommand } from '../src/cli/admission.ts';
import { bootstrapCommand } from '../src/cli/bootstrap.ts';
import { doctorCommand } from '../src/cli/doctor/doctor.ts';
import { jwksCommand } from '../src/cli/jwks.ts';
import { reconcileCommand, suspendCommand } from '../src/cli/mark.ts';
import { planCommand } from '../src/cli/plan.ts';
import { policyCommand } from '../src/cli/policy.ts';
import { restartCommand } from '../src/cli/restart.ts';
import { statusCommand } from '../src/cli/status.ts';
import type { Terminal } from '../src/cli/terminal.ts';
import { FLAGS } from '../src/settings.ts';
import { blocksOf, PAGES, readPage, shellLinesOf } from './pages.ts';

const terminal: Terminal = { write: () => {}, warn: () => {}, colors: false };
const exit = (): void => {};

const COMMANDS: readonly Command[] = [
  doctorCommand(terminal, exit),
  planCommand(terminal, exit),
  statusCommand({ ...terminal, columns: () => undefined }, exit),
  reconcileCommand(terminal),
  suspendCommand('suspend', terminal),
  suspendCommand('resume', terminal),
  restartCommand(terminal, exit),
  jwksCommand(terminal),
  bootstrapCommand(terminal, exit),
  policyCommand(terminal),
  admissionCommand(terminal),
];

/** Flags by subcommand, short and long. */
const FLAGS_OF = new Map([
  ...COMMANDS.map(
    (command) =>
      [
        command.name(),
        new Set(['-h', '--help', ...command.options.flatMap(({ short, long }) => [short ?? '', long ?? ''])]),
      ] as const,
  ),
  ['run', new Set(['--help', ...FLAGS.map(({ name }) => name)])] as const,
  ['completion', new Set(['--help'])] as const,
]);

/** What follows the program in a line of a shell or in inline code, up to the end of that command. */
const INVOCATION = /(?:kubectl aws-identity|federated-identity-operator(?= run\b)) ([^`\n|;&#)>]+)/g;

/** What is wrong with the words after `kubectl aws-identity`, or nothing. */
function fault(invocation: string): string | undefined {
  const [name = '', ...words] = invocation.trim().split(/\s+/);
  const flags = FLAGS_OF.get(name);
  if (flags === undefined) return `${invocation}: no such command`;
  const given = words.filter((word) => /^-{1,2}[a-zA-Z]/.test(word)).map((word) => word.replace(/=.*/, ''));
  const unknown = given.filter((flag) => !flags.has(flag));
  return unknown.length === 0 ? undefined : `${invocation}: no flag ${unknown.join(', ')}`;
}

test.each([
  { invocation: 'status -n analytics', wrong: false },
  { invocation: 'doctor reports --pod=reports-0 -o json', wrong: false },
  { invocation: 'status --namespaces analytics', wrong: true },
  { invocation: 'diagnose reports', wrong: true },
  { invocation: 'run --provider-selector shard=prod', wrong: false },
])('"$invocation" is wrong: $wrong', ({ invocation, wrong }) => {
  expect(fault(invocation) !== undefined).toBe(wrong);
});

/** The commands of a page: lines of its shell blocks, and inline code. */
function invocationsOf(page: string): readonly string[] {
  const inline = [...readPage(page).matchAll(/`([^`\n]+)`/g)].map(([, text = '']) => text);
  const lines = shellLinesOf(page).map(({ line }) => line);
  return [...inline, ...lines].flatMap((text) => [...text.matchAll(INVOCATION)].map(([, words = '']) => words));
}

describe.each(PAGES)('%s', (page) => {
  test('shows only commands and flags of kubectl aws-identity that exist', () => {
    expect(invocationsOf(page).flatMap((invocation) => fault(invocation) ?? [])).toEqual([]);
  });

  test('shows shell that a shell can read', () => {
    for (const { language, text, place } of blocksOf(page)) {
      if (language !== 'sh') continue;
      const { stderr } = spawnSync('sh', ['-n'], { input: text, encoding: 'utf8' });
      expect(stderr, place).toBe('');
    }
  });

  test('names only npm scripts that exist', () => {
    const { scripts } = JSON.parse(readPage('package.json')) as {
      readonly scripts: Readonly<Record<string, string>>;
    };
    const used = [...readPage(page).matchAll(/npm (?:run ([\w:]+)|(start|test)\b)/g)].map(
      ([, run, own]) => run ?? own ?? '',
    );
    expect(used.filter((name) => !(name in scripts))).toEqual([]);
  });
});

test('the pages show every command of the plugin at least once', () => {
  const shown = new Set(PAGES.flatMap(invocationsOf).map((invocation) => invocation.trim().split(/\s+/)[0]));
  expect(COMMANDS.map((command) => command.name()).filter((name) => !shown.has(name))).toEqual([]);
});
