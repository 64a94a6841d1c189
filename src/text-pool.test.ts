import { expect, test } from 'vitest';
import { TextPool } from './text-pool.ts';

test('an object stays what it is, whatever is in it', () => {
  const tree = {
    a: 'x',
    list: ['x', 'y', ['x']],
    nothing: null,
    number: 1,
    flag: false,
    empty: '',
    nested: { b: 'x' },
  };
  const shared = structuredClone(tree);
  new TextPool().share(shared);
  expect(shared).toEqual(tree);
});

test.each(['text', null, undefined, 1])('%s has no texts to share', (value) => {
  expect(() => new TextPool().share(value)).not.toThrow();
});

test('of more texts than are remembered each stays its own', () => {
  const texts = Array.from({ length: 5_000 }, (_, index) => `text ${index % 3_000}`);
  const shared = [...texts];
  new TextPool().share(shared);
  expect(shared).toEqual(texts);
});
