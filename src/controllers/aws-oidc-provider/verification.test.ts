import { describe, expect, test } from 'vitest';
import {
  after,
  identity,
  ISSUER,
  oidcProvider,
  PROVIDER_ARN,
  roleArn,
  thrownBy,
} from '../../../test/support/builders.ts';
import { isWrite } from '../../../test/support/in-memory-iam.ts';
import { freshProvider, NOT_AUTHORIZED, providerScene } from '../../../test/support/provider-scene.ts';
import { served } from '../../../test/support/served.ts';
import type { Exchange } from '../../sts/token-exchange.ts';

const DISCOVERY = `${ISSUER}/.well-known/openid-configuration`;
const JWKS = `${ISSUER}/jwks`;
const NO_KEY: Exchange = {
  kind: 'refused',
  code: 'InvalidIdentityToken',
  message: "Couldn't retrieve verification key from your identity provider,  please reference …",
};
const NO_AUDIENCE: Exchange = { kind: 'refused', code: 'InvalidIdentityToken', message: 'Incorrect token audience' };
const UNREACHABLE: Exchange = { kind: 'unreachable', message: 'ECONNREFUSED' };

describe("the issuer's documents", () => {
  test('are looked at without credentials, and their keys are told', async () => {
    const { reconcile, fetched, stored, condition } = providerScene();
    await reconcile();
    expect(fetched).toEqual([DISCOVERY, JWKS]);
    expect(stored()?.status?.jwksKeyIds).toEqual(['k1']);
    expect(condition('IssuerReachable')).toMatchObject({ status: 'True', reason: 'Succeeded' });
  });

  test('that AWS could not use make nothing in AWS, and are looked at again when they are mended', async () => {
    const { reconcile, internet, iam, clock, ready, condition } = providerScene();
    internet.set(DISCOVERY, served({}, { status: 403 }));
    expect(await thrownBy(reconcile)).toMatchObject({
      reason: 'IssuerForbidden',
      disposition: { kind: 'waiting', retryAfterMs: 60_000 },
    });
    expect(iam.operations).toEqual([]);
    expect(ready()).toMatchObject({ status: 'False', reason: 'IssuerForbidden' });
    expect(condition('ProviderReady')).toMatchObject({ status: 'Unknown', reason: 'Pending' });
    internet.set(DISCOVERY, served({ issuer: ISSUER, jwks_uri: JWKS }));
    clock.now = after(60_000);
    await reconcile();
    expect(ready()).toMatchObject({ status: 'True' });
  });

  test('that cannot be seen from here do not matter where STS takes the tokens [F62]', async () => {
    const { reconcile, internet, ready, condition } = providerScene();
    internet.clear();
    await reconcile();
    expect(condition('IssuerReachable')).toMatchObject({
      status: 'Unknown',
      reason: 'IssuerNotChecked',
      message: expect.stringContaining('ENOTFOUND'),
    });
    expect(condition('FederationVerified')).toMatchObject({ status: 'True' });
    expect(ready()).toMatchObject({ status: 'True' });
  });

  test('that neither the operator nor STS can see are the fault that STS names', async () => {
    const { reconcile, internet, sts, ready } = providerScene();
    internet.clear();
    sts.answers = [NO_KEY];
    expect(await thrownBy(reconcile)).toMatchObject({ reason: 'IssuerUnreachable' });
    expect(ready()).toMatchObject({ status: 'False', reason: 'IssuerUnreachable' });
  });

  test('that nobody has seen make no provider ready, and leave one that was', async () => {
    const { reconcile, internet, clock, ready } = providerScene({ verification: 'off' });
    const documents = [...internet];
    internet.clear();
    expect(await thrownBy(reconcile)).toMatchObject({ reason: 'IssuerNotChecked' });
    expect(ready()).toMatchObject({ status: 'False', message: expect.stringContaining('spec.issuer.check to Skip') });
    for (const [url, document] of documents) internet.set(url, document);
    clock.now = after(60_000);
    await reconcile();
    expect(ready()).toMatchObject({ status: 'True' });
    internet.clear();
    clock.now = after(1_200_000);
    await thrownBy(reconcile);
    expect(ready()).toMatchObject({ status: 'True', message: expect.stringContaining('Ready before this outage') });
  });

  test('are not looked at with check: Skip, and have no condition', async () => {
    const { reconcile, fetched, condition, ready } = providerScene({
      provider: freshProvider({ spec: { issuer: { check: 'Skip' } } }),
    });
    await reconcile();
    expect(fetched).toEqual([]);
    expect(condition('IssuerReachable')).toBeUndefined();
    expect(ready()).toMatchObject({ status: 'True' });
  });

  test('are fetched again after a resync at the earliest, and on request, with nothing written', async () => {
    const { kubernetes, reconcile, fetched, clock } = providerScene();
    await reconcile();
    await reconcile();
    clock.now = after(600_000);
    kubernetes.writes.length = 0;
    await reconcile();
    expect(fetched).toEqual([DISCOVERY, JWKS, DISCOVERY, JWKS]);
    expect(kubernetes.writes).toEqual([]);
  });

  test('without the key of a rotation are found within the interval of the proof', async () => {
    const { reconcile, token, clock, ready } = providerScene();
    await reconcile();
    token.kid = 'k2';
    clock.now = after(330_000);
    await reconcile(); // STS is shown a token of the new key
    clock.now = after(660_000);
    expect(await thrownBy(reconcile)).toMatchObject({ reason: 'JwksKeyMissing' });
    expect(ready()).toMatchObject({ message: expect.stringContaining('"k2"') });
  });
});

describe('a private certificate', () => {
  const privateScene = (pin: string, options: Parameters<typeof providerScene>[0] = {}, isTrustedHere = true) => {
    const scene = providerScene(options);
    const code = 'SELF_SIGNED_CERT_IN_CHAIN';
    const certificate = { kind: 'untrusted', code, topThumbprint: pin, isTrustedHere } as const;
    for (const [url, document] of scene.internet) {
      if (document.kind === 'answered') scene.internet.set(url, { ...document, certificate });
    }
    return scene;
  };
  const A = 'a'.repeat(40);
  const B = 'b'.repeat(40);
  const spec = { thumbprints: [A.toUpperCase()] };

  test('is pinned by what IAM found itself', async () => {
    const { reconcile, iam } = privateScene(A, { observed: oidcProvider({ thumbprints: [A] }) });
    await reconcile();
    expect(iam.operations.filter(isWrite)).toEqual([]);
  });

  test('that changes is pinned too, and the former one stays, so that two servers do not fight [F63]', async () => {
    const { reconcile, iam, stored } = privateScene(B, { observed: oidcProvider({ thumbprints: [A] }) });
    await reconcile();
    expect(iam.state.get(PROVIDER_ARN)?.thumbprints).toEqual([B, A]);
    expect(stored()?.status?.thumbprints).toEqual([B, A]);
    const again = privateScene(A, { observed: oidcProvider({ thumbprints: [B, A] }) });
    await again.reconcile();
    expect(again.iam.operations.filter(isWrite)).toEqual([]);
  });

  test('that nobody has vouched for is told, and left to a person: it may be that of somebody on the way', async () => {
    const { reconcile, iam } = privateScene(B, { observed: oidcProvider({ thumbprints: [A] }) }, false);
    expect(await thrownBy(reconcile)).toMatchObject({
      reason: 'ThumbprintMismatch',
      message: expect.stringMatching(new RegExp(`${B}.*NODE_EXTRA_CA_CERTS`)),
    });
    expect(iam.operations.filter(isWrite)).toEqual([]);
  });

  test('is among five thumbprints at most', async () => {
    const thumbprints = [1, 2, 3, 4, 5].map((digit) => String(digit).repeat(40));
    const { reconcile, iam } = privateScene(A, { observed: oidcProvider({ thumbprints }) });
    await reconcile();
    expect(iam.state.get(PROVIDER_ARN)?.thumbprints).toEqual([A, ...thumbprints.slice(0, 4)]);
  });

  test.each([
    { name: 'new', observed: undefined },
    { name: 'there', observed: oidcProvider({ thumbprints: [A] }) },
  ])('that spec.thumbprints lacks is told with the right value: the OIDC provider is $name', async ({ observed }) => {
    const { reconcile, iam } = privateScene(B, {
      provider: freshProvider({ spec }),
      ...(observed === undefined ? {} : { observed }),
    });
    expect(await thrownBy(reconcile)).toMatchObject({
      reason: 'ThumbprintMismatch',
      message: expect.stringContaining(`spec.thumbprints lacks ${B}`),
    });
    expect(iam.operations.filter(isWrite)).toEqual([]);
  });

  test('that a foreign OIDC provider lacks is told, and not added', async () => {
    const observed = oidcProvider({ thumbprints: [A], tags: new Map([['made-by', 'eksctl']]) });
    const { reconcile, iam } = privateScene(B, { observed });
    expect(await thrownBy(reconcile)).toMatchObject({
      reason: 'ThumbprintMismatch',
      message: expect.stringContaining(B),
    });
    expect(iam.state.get(PROVIDER_ARN)).toBe(observed);
  });

  test('is of no interest while the chain is a public one: given thumbprints are kept', async () => {
    const { reconcile, iam } = providerScene({ provider: freshProvider({ spec }) });
    await reconcile();
    expect(iam.state.get(PROVIDER_ARN)?.thumbprints).toEqual([A]);
  });
});

describe('the proof of a provider', () => {
  test('shows STS a token of the operator, for the role of an identity or one that does not exist', async () => {
    const alone = providerScene();
    await alone.reconcile();
    expect(alone.sts.asked).toEqual([
      `eu-west-1 arn:aws:iam::111122223333:role/federated-identity-verification ${alone.tokens.at(-1)}`,
    ]);
    const used = providerScene({ identities: [identity({ status: { roleArn: roleArn() } })] });
    await used.reconcile();
    expect(used.sts.asked[0]).toContain(`${roleArn()} `);
    expect(used.condition('FederationVerified')).toMatchObject({ status: 'True' });
  });

  test('comes again after its interval, not before, and writes nothing', async () => {
    const { kubernetes, reconcile, sts, clock } = providerScene();
    await reconcile();
    for (const ms of [1_000, 299_000]) {
      clock.now = after(ms);
      await reconcile();
    }
    expect(sts.asked).toHaveLength(1);
    kubernetes.writes.length = 0;
    clock.now = after(301_000);
    expect(await reconcile()).toEqual({ requeueAfterMs: 300_000 });
    expect(sts.asked).toHaveLength(2);
    expect(kubernetes.writes).toEqual([]);
  });

  test('is not asked for with verification off, and has no condition', async () => {
    const { reconcile, sts, condition } = providerScene({ verification: 'off' });
    expect(await reconcile()).toEqual({ requeueAfterMs: 585_000 });
    expect(sts.asked).toEqual([]);
    expect(condition('FederationVerified')).toBeUndefined();
  });

  test('fails with what STS says', async () => {
    const { reconcile, sts, clock, ready } = providerScene({ observed: oidcProvider() });
    sts.answers = [NO_AUDIENCE];
    expect(await thrownBy(reconcile)).toMatchObject({ reason: 'AudienceNotRegistered' });
    expect(ready()).toMatchObject({ status: 'False', reason: 'AudienceNotRegistered' });
    sts.answers = [NOT_AUTHORIZED];
    clock.now = after(60_000);
    await reconcile();
    expect(ready()).toMatchObject({ status: 'True' });
  });

  test('waits while AWS spreads a new OIDC provider', async () => {
    const { reconcile, sts, ready } = providerScene();
    sts.answers = [{ ...NO_AUDIENCE, message: `No OpenIDConnect provider found in your account for ${ISSUER}` }];
    expect(await thrownBy(reconcile)).toMatchObject({ reason: 'Propagating' });
    expect(ready()).toMatchObject({ status: 'Unknown', reason: 'Propagating' });
    expect(sts.asked).toHaveLength(4);
    sts.answers = [NO_AUDIENCE];
    expect(await thrownBy(reconcile)).toMatchObject({ reason: 'Propagating' }); // the pass after it wrote nothing itself
  });

  test('that worked is believed until it has failed three times in a row', async () => {
    const { reconcile, sts, clock, ready } = providerScene();
    await reconcile();
    sts.answers = [NO_AUDIENCE];
    for (const ms of [301_000, 321_000]) {
      clock.now = after(ms);
      expect(await reconcile()).toEqual({ requeueAfterMs: 20_000 });
      expect(ready()).toMatchObject({ status: 'True' });
    }
    clock.now = after(341_000);
    expect(await thrownBy(reconcile)).toMatchObject({ reason: 'AudienceNotRegistered' });
    expect(ready()).toMatchObject({ status: 'False' });
  });

  test('leaves a provider ready while STS cannot be reached', async () => {
    const { reconcile, sts, clock, ready, condition } = providerScene();
    await reconcile();
    sts.answers = [UNREACHABLE];
    for (const ms of [301_000, 321_000]) {
      clock.now = after(ms);
      await reconcile();
    }
    clock.now = after(341_000);
    await thrownBy(reconcile);
    expect(ready()).toMatchObject({ status: 'True', message: expect.stringContaining('outage') });
    expect(condition('FederationVerified')).toMatchObject({ status: 'Unknown', reason: 'AwsUnreachable' });
  });

  test('notices when the API server issues tokens of another issuer [F65]', async () => {
    const { reconcile, token, clock, iam } = providerScene();
    await reconcile();
    token.iss = 'https://other.example.com';
    clock.now = after(301_000);
    expect(await thrownBy(reconcile)).toMatchObject({ reason: 'IssuerMismatch' });
    await reconcile();
    expect([...iam.state.keys()]).toContain('arn:aws:iam::111122223333:oidc-provider/other.example.com');
  });
});
