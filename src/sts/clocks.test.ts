import { describe, expect, test } from 'vitest';
import { NOW } from '../../test/support/builders.ts';
import { compareClocks, issuedAtOf } from './clocks.ts';

const AWS = NOW.getTime() / 1000;
const at = (seconds: number): Date => new Date((AWS + seconds) * 1000);
const moments = { sent: at(0.4), received: at(0.6), header: NOW.toUTCString(), issuedAt: AWS };

describe('clocks are compared by the date of an answer', () => {
  test.each([
    { name: 'right ones', given: {}, expected: { operator: 0, apiServer: -0.5 } },
    { name: 'ours ahead', given: { sent: at(300), received: at(301) }, expected: { operator: 300, apiServer: -0.5 } },
    { name: 'a token from the future', given: { issuedAt: AWS + 600 }, expected: { operator: 0, apiServer: 599.5 } },
    { name: 'a token without date', given: { issuedAt: undefined }, expected: { operator: 0, apiServer: undefined } },
    { name: 'an answer without date', given: { header: undefined }, expected: undefined },
    { name: 'a date that is none', given: { header: 'yesterday' }, expected: undefined },
  ])('$name', ({ given, expected }) => {
    expect(compareClocks({ ...moments, ...given })).toEqual(expected);
  });
});

test.each([
  { name: 'a token', token: `e30.${Buffer.from('{"iat":17}').toString('base64url')}.x`, expected: 17 },
  { name: 'one without iat', token: 'e30.e30.x', expected: undefined },
  {
    name: 'one whose iat is no number',
    token: `.${Buffer.from('{"iat":"1"}').toString('base64url')}.`,
    expected: undefined,
  },
  { name: 'no token', token: 'nonsense', expected: undefined },
])('the date of $name', ({ token, expected }) => {
  expect(issuedAtOf(token)).toBe(expected);
});
