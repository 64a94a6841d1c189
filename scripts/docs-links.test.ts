import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { anchorsOf, linksOf, PAGES } from './pages.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** What is wrong with a link of a page, or nothing. */
function fault(page: string, link: string): string | undefined {
  const [path = '', fragment] = link.split('#');
  const target = path === '' ? page : join(dirname(page), decodeURIComponent(path));
  if (target.startsWith('..')) return `${link}: outside of the repository`;
  if (!existsSync(join(ROOT, target))) return `${link}: no such file`;
  if (fragment === undefined) return undefined;
  if (!target.endsWith('.md') || statSync(join(ROOT, target)).isDirectory()) return `${link}: has no headings`;
  return anchorsOf(target).has(fragment) ? undefined : `${link}: no such heading`;
}

describe.each(PAGES)('%s', (page) => {
  test('has no link to a file or heading that is not there', () => {
    expect(linksOf(page).flatMap((link) => fault(page, link) ?? [])).toEqual([]);
  });
});

test('every page can be reached from the README by links', () => {
  const reached = new Set(['README.md']);
  for (const page of reached)
    // grows while it is walked
    for (const link of linksOf(page)) {
      const target = join(dirname(page), link.split('#')[0] ?? '');
      if (PAGES.includes(target)) reached.add(target);
    }
  expect(PAGES.filter((page) => !reached.has(page))).toEqual([]);
});
