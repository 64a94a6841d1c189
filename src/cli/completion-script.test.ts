import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { completionScript } from './completion-script.ts';

const COMMANDS = [
  { name: 'status', description: "Show what's wrong.", flags: ['--namespace', '--watch'] },
  { name: 'suspend', description: 'Stop.', flags: ['--namespace'] },
];

test('the bash script is valid, and completes commands and flags', () => {
  const script = completionScript('bash', COMMANDS);
  execFileSync('bash', ['-n'], { input: script });
  const complete = (words: string, index: number): string =>
    execFileSync('bash', {
      input: `${script}\nCOMP_WORDS=(${words}); COMP_CWORD=${index}; _kubectl_aws_identity; echo "\${COMPREPLY[*]}"`,
      encoding: 'utf8',
    }).trim();
  expect(complete('x s', 1)).toBe('status suspend');
  expect(complete('x status --w', 2)).toBe('--watch');
});

test.each([
  { words: ['su'], expected: 'suspend\n:4\n' },
  { words: [''], expected: 'status\nsuspend\n:4\n' },
  { words: ['status', '--w'], expected: '--watch\n:4\n' },
  { words: ['unknown', ''], expected: ':4\n' },
])("kubectl's program completes $words", ({ words, expected }) => {
  const input = completionScript('kubectl', COMMANDS);
  expect(execFileSync('sh', ['-s', '--', ...words], { input, encoding: 'utf8' })).toBe(expected);
});

test('fish quotes what it is given, and zsh knows every command', () => {
  expect(completionScript('fish', COMMANDS)).toContain(String.raw`-a status -d 'Show what\'s wrong.'`);
  expect(completionScript('zsh', COMMANDS)).toContain("status) choices='--namespace --watch' ;;");
});
