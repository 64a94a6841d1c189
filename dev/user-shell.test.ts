import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { exportLines } from './user-shell.ts';

test('a shell reads every value as it was', () => {
  const value = `it's "a" $HOME \`id\` \\ value`;
  const script = `${exportLines({ VALUE: value })}printf %s "$VALUE"`;
  expect(execFileSync('sh', ['-c', script], { encoding: 'utf8' })).toBe(value);
});
