import { describe, expect, test } from 'vitest';
import { claimsOf } from './token-claims.ts';

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const header = { alg: 'RS256', kid: 'key-1' };
const claims = { iss: 'https://oidc.example.com', sub: 'system:serviceaccount:a:b', aud: ['x'], iat: 1, exp: 601 };

describe('the claims of a token', () => {
  test.each([
    { aud: ['sts.amazonaws.com'], audiences: ['sts.amazonaws.com'] },
    { aud: 'sts.amazonaws.com', audiences: ['sts.amazonaws.com'] },
  ])('aud $aud', ({ aud, audiences }) => {
    expect(claimsOf(`${part(header)}.${part({ ...claims, aud })}.signature`)).toEqual({
      issuer: 'https://oidc.example.com',
      subject: 'system:serviceaccount:a:b',
      audiences,
      issuedAt: 1,
      expiresAt: 601,
      keyId: 'key-1',
      algorithm: 'RS256',
    });
  });

  test.each([
    { name: 'no text', token: '' },
    { name: 'one part', token: 'secret' },
    { name: 'no JSON', token: 'secret.secret.secret' },
    { name: 'no issuer', token: `${part(header)}.${part({ ...claims, iss: undefined })}.secret` },
    { name: 'a number for a subject', token: `${part(header)}.${part({ ...claims, sub: 7 })}.secret` },
  ])('$name is no token, and is not shown', ({ token }) => {
    expect(() => claimsOf(token)).toThrow(/^The API server gave something else than a ServiceAccount token/);
    expect(() => claimsOf(token)).not.toThrow(/secret/);
  });
});
