import { expect, test } from 'vitest';
import { type Source, firstOf, found, passedOver } from './sources.ts';

const offering = (name: string): Source<string> => ({ name, find: async () => found(`from ${name}`) });
const lacking = (name: string): Source<string> => ({ name, find: async () => passedOver(`no ${name} here`) });

test.each([
  {
    name: 'the first source wins although a later one could serve',
    sources: [offering('a'), offering('b')],
    from: 'a',
  },
  { name: 'a source that has nothing is passed over', sources: [lacking('a'), offering('b')], from: 'b' },
])('$name', async ({ sources, from }) => {
  expect(await firstOf(sources, () => {}, '')).toBe(`from ${from}`);
});

test('a source behind the one that served is not even asked, as asking may take minutes', async () => {
  const expensive: Source<string> = { name: 'b', find: () => Promise.reject(new Error('was asked')) };
  expect(await firstOf([offering('a'), expensive], () => {}, '')).toBe('from a');
});

test('why a source was passed over is said in one line, while it happens', async () => {
  const lines: string[] = [];
  await firstOf([lacking('kind'), offering('archive')], (line) => lines.push(line), '');
  expect(lines).toEqual(['kind: no kind here']);
});

test('when no source serves, one error names every reason and what to install', async () => {
  const all = firstOf([lacking('cache'), lacking('Go')], () => {}, 'Install Go.');
  await expect(all).rejects.toThrow(
    'No Kubernetes control plane could be prepared:\n  - cache: no cache here\n  - Go: no Go here\nInstall Go.',
  );
});
