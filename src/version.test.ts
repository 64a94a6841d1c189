import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { VERSION } from './version.ts';

test('the program has the version of its package', () => {
  const text = readFileSync(fileURLToPath(new URL('../package.json', import.meta.url)), 'utf8');
  const { version }: { readonly version: string } = JSON.parse(text);
  expect(VERSION).toBe(version);
});
