import { afterAll, describe, expect, test } from 'vitest';
import { fetchTarget } from './fetch-target.ts';
import { fuzz, FuzzFailure, type FuzzTarget } from './fuzz.ts';
import { TEXT_TARGETS } from './text-targets.ts';
import { watchTarget } from './watch-target.ts';

// A small share of `npm run test:fuzz`, the same each time.
const SEED = 20_261_124;
const INPUTS = 300;

const disposal = new AsyncDisposableStack();
afterAll(() => disposal.disposeAsync());

const tries = async (target: FuzzTarget): Promise<void> => {
  const inputs = Math.ceil((INPUTS * (target.share ?? 100)) / 100);
  const { tried } = await fuzz(target, { seed: SEED, goesOn: (index) => index < inputs });
  expect(tried).toBeGreaterThan(inputs);
};

describe('what takes text of strangers', () => {
  test.each(TEXT_TARGETS)('takes any: $name [F72 F73 F74 S9 S15]', tries);

  test('takes any: frames of a watch [F7]', async () => tries(disposal.use(await watchTarget())));

  test('takes any: what an issuer answers [F67 S7]', async () => tries(disposal.use(await fetchTarget())));
});

test('a target that breaks is told with its seed and input', async () => {
  const broken: FuzzTarget = {
    ...TEXT_TARGETS[0]!,
    check: (input) => {
      if (input.includes('__proto__')) throw new TypeError('no');
    },
  };
  await expect(fuzz(broken, { seed: 7, goesOn: () => false })).rejects.toThrow(FuzzFailure);
  await expect(fuzz(broken, { seed: 7, goesOn: () => false })).rejects.toThrow(/policy-document, seed 7: ".*__proto__/);
});
