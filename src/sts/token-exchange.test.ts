import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { federated, ROLE_ARN } from '../../dev/aws/test-federation.ts';
import { startTestIssuer } from '../../dev/aws/test-issuer.ts';
import { RoleArn } from '../iam/arn.ts';
import { judge } from './federation-check.ts';
import type { Clocks } from './clocks.ts';
import { stsTokenExchange, type TokenExchangeOptions } from './token-exchange.ts';

const ROLE = RoleArn.parse(ROLE_ARN);
const never = new AbortController().signal;
const seconds = (): number => Math.floor(Date.now() / 1000);

afterEach(() => vi.unstubAllEnvs());

/** The local AWS with a role for the token of analytics/reports, and an exchange that talks to it. */
async function scene(options: Partial<TokenExchangeOptions> = {}) {
  const issuer = await startTestIssuer();
  const { aws } = await federated(issuer);
  vi.stubEnv('AWS_ENDPOINT_URL', aws.endpoint);
  const clocks: Clocks[] = [];
  const exchange = stsTokenExchange({ onCall: () => {}, onClocks: (found) => void clocks.push(found), ...options });
  return {
    issuer,
    clocks,
    aws,
    ask: (token: string) => exchange.exchange('eu-west-1', ROLE, token, never),
    async [Symbol.asyncDispose]() {
      await issuer[Symbol.asyncDispose]();
      await aws.close();
    },
  };
}

describe('the exchange of a token at STS', () => {
  test('is accepted, and shows that all clocks are right', async () => {
    await using s = await scene();
    expect(await s.ask(await s.issuer.mint())).toMatchObject({
      kind: 'accepted',
      roleId: expect.stringMatching(/^AROA[A-Z0-9]+$/),
    });
    const [{ operator, apiServer } = { operator: 99, apiServer: 99 }] = s.clocks;
    expect(Math.abs(operator)).toBeLessThan(3);
    expect(Math.abs(apiServer ?? 99)).toBeLessThan(3);
  });

  test('measures an API server that is ten minutes behind by the date of the very refusal', async () => {
    await using s = await scene();
    const token = await s.issuer.mint({ iat: seconds() - 700, exp: seconds() - 100 });
    const refused = await s.ask(token);
    expect(refused).toMatchObject({ kind: 'refused', code: 'ExpiredTokenException' });
    expect(judge(refused, Infinity)).toEqual({
      kind: 'failed',
      reason: 'ClockSkew',
      message: expect.stringContaining('about 700 s behind'),
    });
    expect(JSON.stringify([refused, s.clocks])).not.toContain(token);
  });

  test("measures the operator's own clock [F48 F66]", async () => {
    await using s = await scene({ now: () => new Date(Date.now() + 300_000) });
    await s.ask(await s.issuer.mint());
    expect(s.clocks[0]?.operator).toBeGreaterThan(295);
    expect(s.clocks[0]?.operator).toBeLessThan(305);
  });

  test.each([
    { name: 'throttles', effect: { kind: 'throttle' } as const },
    { name: 'is ill', effect: { kind: 'error', code: 'ServiceUnavailable', message: 'x', status: 503 } as const },
  ])('says nothing of the token while STS $name', async ({ effect }) => {
    await using s = await scene();
    s.aws.faults.add({ operation: 'AssumeRoleWithWebIdentity', effect });
    expect(await s.ask(await s.issuer.mint())).toMatchObject({ kind: 'unreachable' });
    expect(s.clocks).toEqual([]);
  });

  test('is refused without the token, also where the answer quotes it [F78 S15]', async () => {
    await using s = await scene();
    const token = await s.issuer.mint();
    const effect = {
      kind: 'error',
      code: 'InvalidIdentityToken',
      message: `not valid: ${token}`,
      status: 400,
    } as const;
    s.aws.faults.add({ operation: 'AssumeRoleWithWebIdentity', effect });
    expect(await s.ask(token)).toMatchObject({ kind: 'refused', message: 'not valid: [redacted]' });
  });

  test('says nothing of the token where nobody answers, or without a date nothing of clocks', async () => {
    const server = createServer((_request, response) => {
      response.sendDate = false;
      response.writeHead(400, { 'content-type': 'text/xml' });
      response.end(
        '<ErrorResponse><Error><Code>InvalidIdentityToken</Code><Message>x</Message></Error></ErrorResponse>',
      );
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => void server.once('listening', resolve));
    vi.stubEnv('AWS_ENDPOINT_URL', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const clocks: Clocks[] = [];
    const { exchange } = stsTokenExchange({ onCall: () => {}, onClocks: (found) => void clocks.push(found) });
    expect(await exchange('eu-west-1', ROLE, 'some.token.x', never)).toMatchObject({ code: 'InvalidIdentityToken' });
    expect(clocks).toEqual([]);
    server.closeAllConnections();
    server.close();
    expect(await exchange('eu-west-1', ROLE, 'some.token.x', never)).toMatchObject({ kind: 'unreachable' });
  });
});
