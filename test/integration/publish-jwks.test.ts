import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';

// `kubectl aws-identity jwks` against a real API server, where no operator runs.
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const PRESENT = 'https://oidc.federated-identity.example';
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'jwks-'));
});
afterAll(() => rm(folder, { recursive: true }));

interface Outcome {
  readonly code: unknown;
  readonly stdout: string;
  readonly stderr: string;
}

function jwks(args: readonly string[]): Promise<Outcome> {
  const env = { PATH: process.env['PATH'], HOME: folder, KUBECONFIG: inject('kubeconfig') };
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  execFile(process.execPath, [MAIN, 'jwks', ...args], { env }, (error, stdout, stderr) =>
    resolve({ code: error === null ? 0 : error.code, stdout, stderr }),
  );
  return promise;
}

test('both documents are printed with their URLs, as the API server has them', async () => {
  const { code, stdout, stderr } = await jwks([]);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(
    /^# https:\/\/oidc\.federated-identity\.example\/openid\/v1\/jwks\n\{[^]*\n# https:\/\/[^\n]*\/\.well-known\/openid-configuration\n\{/,
  );
  expect(stdout).toContain('Cache-Control: public, max-age=300');
});

test('for programs, for an issuer that the cluster will have, with a note on what is left to do', async () => {
  const issuer = 'https://oidc.example.com/a';
  const { code, stdout, stderr } = await jwks(['--issuer', issuer, '-o', 'json']);
  expect(code).toBe(0);
  const printed = JSON.parse(stdout) as { files: { content: { keys?: object[] } }[] };
  expect(printed).toMatchObject({
    issuer,
    files: [
      { path: 'openid/v1/jwks', content: { keys: [{ kty: 'RSA', use: 'sig', alg: 'RS256' }] } },
      { path: '.well-known/openid-configuration', content: { issuer, jwks_uri: `${issuer}/openid/v1/jwks` } },
    ],
  });
  // No private part of a key is among them.
  expect(printed.files[0]?.content.keys?.map((key) => Object.keys(key).toSorted())).toEqual([
    ['alg', 'e', 'kid', 'kty', 'n', 'use'],
  ]);
  expect(stderr).toContain(`--service-account-issuer=${issuer} first and --service-account-issuer=${PRESENT} second`);
});

describe('what cannot work ends with 1 and says what to do', () => {
  test.each([
    { name: 'an issuer with a port', args: ['--issuer', 'https://a.example:6443'], says: 'Give another --issuer' },
    {
      name: 'an issuer of the cluster alone',
      args: ['--issuer', 'https://kubernetes.default.svc'],
      says: 'a public host',
    },
    { name: '--keep-previous without --out', args: ['--keep-previous'], says: '--keep-previous needs --out' },
    {
      name: '--publish of a provider that is not there',
      args: ['--publish'],
      says: 'there is no AwsOidcProvider "default"',
    },
  ])('$name', async ({ args, says }) => {
    const { code, stdout, stderr } = await jwks(args);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain(says);
  });
});
