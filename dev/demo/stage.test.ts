import { expect, test } from 'vitest';
import { until } from './stage.ts';

test('until asks again, and gives the last answer when its patience ends', async () => {
  let count = 0;
  const third = await until(
    () => (count += 1),
    (answer) => answer === 3,
  );
  expect(third).toBe(3);
  const last = await until(
    () => 'no',
    (answer) => answer === 'yes',
    0,
  );
  expect(last).toBe('no');
});
