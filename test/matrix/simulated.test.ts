import { describe, expect, test } from 'vitest';
import { blowOf, parseBlow, parsePoint, pointText } from './points.ts';
import { playSimulated } from './simulated.ts';

/** `npm run test:crash -- --simulated --seeds 200` does it with many seeds, and with `--all-blows` all four at each write. */
const SEED = 1;

describe('a crash or a lost message at any write, over models of API server and AWS', () => {
  // Each write of the story once, in turn killed before and after it, or with its request or its answer lost.
  test.each([
    { when: 'and people go on when all is in order again', thenDeleted: false, more: '' },
    { when: 'and people delete everything in the same moment', thenDeleted: true, more: ' --deleted' },
  ])(
    'nothing is lost, made twice, opened wider or left behind: $when [F13 F22 F23 F24 F25 F26]',
    { timeout: 300_000 },
    async ({ thenDeleted, more }) => {
      const { points, violations } = await playSimulated(SEED);
      expect(violations).toEqual([]);
      for (const [index, point] of points.entries()) {
        const blow = blowOf(index, SEED);
        const run = await playSimulated(SEED, { point, blow, thenDeleted }); // oxlint-disable-line no-await-in-loop -- they share the timers of this process
        const command = `npm run test:crash -- --simulated --seed ${SEED} --point "${pointText(point)}" --blow ${blow}${more}`;
        expect(run, command).toMatchObject({ violations: [], wasStruck: true });
      }
    },
  );

  test('the story makes every write to IAM and S3 that there is', async () => {
    const { points } = await playSimulated(SEED);
    expect(
      [...new Set(points.map(({ write }) => write))].filter((write) => /^(iam|s3) /.test(write)).toSorted(),
    ).toEqual(
      [
        'AddClientIDToOpenIDConnectProvider',
        'AttachRolePolicy',
        'CreateOpenIDConnectProvider',
        'CreateRole',
        'DeleteOpenIDConnectProvider',
        'DeleteRole',
        'DeleteRolePermissionsBoundary',
        'DeleteRolePolicy',
        'DetachRolePolicy',
        'PutRolePermissionsBoundary',
        'PutRolePolicy',
        'RemoveClientIDFromOpenIDConnectProvider',
        'TagRole',
        'UntagRole',
        'UpdateAssumeRolePolicy',
        'UpdateOpenIDConnectProviderThumbprint',
        'UpdateRole',
      ]
        .map((operation) => `iam ${operation}`)
        .concat('s3 DeleteObject', 's3 PutObject'),
    );
  });
});

test('points and blows are read as they are printed', () => {
  const point = { write: 'api patch awsfederatedidentities/status', occurrence: 12 };
  expect(parsePoint(pointText(point))).toEqual(point);
  expect(parseBlow('killed-after')).toBe('killed-after');
  expect(() => parsePoint('CreateRole')).toThrow('"CreateRole" is no point');
  expect(() => parseBlow('killed')).toThrow('killed-before, killed-after');
});
