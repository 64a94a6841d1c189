import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { IssuerUrl } from '../iam/arn.ts';
import type { Jwk } from '../oidc/published-keys.ts';
import { CliError } from './failures.ts';
import { jwksJson, jwksText } from './jwks-files.ts';
import { writeIssuerFiles } from './jwks-folder.ts';

const ISSUER = IssuerUrl.parse('https://oidc.example.com/a');
const JWKS = 'openid/v1/jwks';
const DISCOVERY = '.well-known/openid-configuration';
const key = (kid: string): Jwk => ({ kid, kty: 'EC', alg: 'ES256', use: 'sig', crv: 'P-256', x: 'x', y: 'y' });

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'jwks-'));
});
afterEach(() => rm(folder, { recursive: true }));

const write = (kids: readonly string[], { issuer = ISSUER, keepPrevious = false } = {}) =>
  writeIssuerFiles({ folder, issuer, served: kids.map(key), keepPrevious });
const read = async (path: string): Promise<unknown> => JSON.parse(await readFile(join(folder, path), 'utf8'));
const kids = async (): Promise<unknown> => ((await read(JWKS)) as { keys: Jwk[] }).keys.map(({ kid }) => kid);
const put = async (path: string, text: string): Promise<void> => {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), text);
};

test('both files lie as a server shows them under the issuer, and nothing else does', async () => {
  await write(['one']);
  expect(await read(JWKS)).toEqual({ keys: [key('one')] });
  expect(await read(DISCOVERY)).toMatchObject({
    issuer: ISSUER,
    jwks_uri: `${ISSUER}/openid/v1/jwks`,
    id_token_signing_alg_values_supported: ['ES256'],
  });
  expect((await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.new'))).toEqual([]);
});

describe('keys of an earlier run', () => {
  test('that the cluster does not serve are never lost unasked', async () => {
    await write(['one']);
    await expect(write(['two'])).rejects.toThrow(/does not serve \(one\).*--keep-previous/);
    expect(await kids()).toEqual(['one']);
  });

  test('stay with --keep-previous', async () => {
    await write(['one']);
    await write(['two'], { keepPrevious: true });
    expect(await kids()).toEqual(['one', 'two']);
  });

  test('that the cluster serves too need no option', async () => {
    await write(['one']);
    await write(['one', 'two']);
    expect(await kids()).toEqual(['one', 'two']);
  });

  test('are at most 100 with the new ones', async () => {
    await write(Array.from({ length: 100 }, (_, index) => `key-${index}`));
    await expect(write(['new'], { keepPrevious: true })).rejects.toThrow('101 keys, and AWS takes 100');
  });
});

describe('what is not overwritten', () => {
  test('the document of another issuer, and then the keys beside it', async () => {
    await write(['one']);
    await expect(write(['one', 'two'], { issuer: IssuerUrl.parse(`${ISSUER}/`) })).rejects.toThrow('of another issuer');
    expect(await kids()).toEqual(['one']);
  });

  test.each([
    { name: 'a file that is no key set', path: JWKS, text: '<html>', says: 'is no JSON Web Key Set' },
    { name: 'a document of nobody', path: DISCOVERY, text: '{}', says: 'of another issuer (null' },
  ])('$name', async ({ path, text, says }) => {
    await put(path, text);
    await expect(write(['one'])).rejects.toThrow(says);
    expect(await readFile(join(folder, path), 'utf8')).toBe(text);
  });

  test('a path that is no folder is told with its name', async () => {
    await put('openid', 'a file');
    await expect(write(['one'])).rejects.toThrow(CliError);
  });
});

test('people are told where the files lie, under which URLs and headers to serve them, and how to check', async () => {
  const files = await write(['one', 'two']);
  expect(jwksText(ISSUER, files, 'public')).toBe(`public/openid/v1/jwks
  https://oidc.example.com/a/openid/v1/jwks
public/.well-known/openid-configuration
  https://oidc.example.com/a/.well-known/openid-configuration

Serve both to everybody by HTTPS on port 443, without redirects, with these headers:
  Content-Type: application/json
  Cache-Control: public, max-age=300
Issuer https://oidc.example.com/a, 2 keys. Check: curl -i https://oidc.example.com/a/.well-known/openid-configuration
`);
});

test('programs get the same as JSON', async () => {
  const files = await write(['one']);
  expect(JSON.parse(jwksJson(ISSUER, files))).toEqual({
    issuer: ISSUER,
    files: files.map((file) => ({
      ...file,
      headers: { 'Content-Type': 'application/json', 'Cache-Control': 'public, max-age=300' },
    })),
  });
});
