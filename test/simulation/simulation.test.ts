import { describe, expect, test } from 'vitest';
import { MANAGED, scriptOf, type Step } from './script.ts';
import { randomOf } from './random.ts';
import { simulate } from './simulate.ts';

/** `npm run test:simulation` runs thousands. */
const SEEDS = 200;
const CHUNK = 25;

describe('the operator in a world of faults, users and people at the console', () => {
  test.each(Array.from({ length: SEEDS / CHUNK }, (_, index) => 1 + index * CHUNK))(
    'keeps its promises: 25 seeds from %i',
    { timeout: 60_000 },
    async (first) => {
      for (let seed = first; seed < first + CHUNK; seed += 1) {
        const { violations } = await simulate(seed); // oxlint-disable-line no-await-in-loop -- they share the timers of this process
        expect(violations, `npm run test:simulation -- --seed ${seed}`).toEqual([]);
      }
    },
  );

  // Random scripts seldom have an edit right before a sweep; without the consistency window this one is red in every fourth seed.
  test('tells no drift where only IAM was late: edits around the drift sweep', { timeout: 60_000 }, async () => {
    const object = { namespace: 'blue', name: 'one' };
    const spec = (index: number): object => ({ role: { managedPolicyArns: [MANAGED[index % MANAGED.length]] } });
    const steps: readonly Step[] = [
      { at: 0, do: 'create-provider' },
      { at: 2_000, do: 'create-identity', object, spec: { serviceAccount: { name: 'app' }, ...spec(0) } },
      ...Array.from({ length: 20 }, (_, index): Step => {
        return { at: 480_000 + index * 12_000, do: 'edit-identity', object, spec: spec(index + 1) };
      }),
    ];
    for (let seed = 1; seed <= 30; seed += 1) {
      const { violations } = await simulate(seed, steps); // oxlint-disable-line no-await-in-loop -- as above
      expect(violations, `seed ${seed}`).toEqual([]);
    }
  });

  test('is the same for the same seed', async () => {
    expect(await simulate(7)).toEqual(await simulate(7));
  });

  test('works: in most runs, roles are made and proven', async () => {
    const { writes } = await simulate(1, scriptOf(randomOf(1)).slice(0, 3));
    expect(writes.filter(({ what }) => what.startsWith('CreateRole'))).not.toEqual([]);
  });
});
