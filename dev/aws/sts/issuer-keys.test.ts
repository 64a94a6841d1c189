import { CreateOpenIDConnectProviderCommand, GetOpenIDConnectProviderCommand } from '@aws-sdk/client-iam';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { errorOf } from '../test-clients.ts';
import { ACCOUNT, federated, invalidIdentityToken, NO_KEY } from '../test-federation.ts';
import { startTestIssuer, type TestIssuer } from '../test-issuer.ts';

let issuer: TestIssuer;
beforeAll(async () => {
  issuer = await startTestIssuer();
});
afterAll(() => issuer[Symbol.asyncDispose]());

describe('issuer', () => {
  test('keys are cached, and an unknown kid fetches them anew: rotation to ES384 works', async () => {
    await using own = await startTestIssuer('rotating.example.test', '');
    await using setup = await federated(own);
    await setup.assume(await own.mint());
    await setup.assume(await own.mint());
    expect(own.requests).toEqual(['/.well-known/openid-configuration', '/keys']);
    await own.rotate('ES384');
    await setup.assume(await own.mint());
    expect(own.requests).toHaveLength(4);
  });

  test('an issuer with a trailing slash keeps it in ARN and keys, and its documents are found', async () => {
    await using own = await startTestIssuer('slash.example.test', '/tenant/');
    await using setup = await federated(own);
    expect((await setup.assume(await own.mint())).Provider).toBe(
      `arn:aws:iam::${ACCOUNT}:oidc-provider/slash.example.test/tenant/`,
    );
  });

  test.each([
    { name: 'answers 403', path: '/.well-known/openid-configuration', answer: { status: 403, body: '' } },
    { name: 'answers HTML', path: '/keys', answer: { status: 200, body: '<html>' } },
    {
      name: 'names a jwks_uri with a port',
      path: '/.well-known/openid-configuration',
      answer: { status: 200, body: '{"jwks_uri":"https://broken.example.test:6443/openid/v1/jwks"}' },
    },
  ])('an issuer that $name gives no verification key', async ({ path, answer }) => {
    await using own = await startTestIssuer('broken.example.test', '');
    await using setup = await federated(own);
    own.overrides.set(path, answer);
    expect(await errorOf(setup.assume(await own.mint()))).toEqual(invalidIdentityToken(NO_KEY));
  });

  test('an untrusted certificate passes if its top certificate is pinned, and only then', async () => {
    await using pinned = await federated(issuer, { trustsCa: false });
    expect((await pinned.assume(await issuer.mint())).Credentials).toBeDefined();
    await using unpinned = await federated(issuer, { trustsCa: false, thumbprints: ['b'.repeat(40)] });
    expect(await errorOf(unpinned.assume(await issuer.mint()))).toEqual(
      invalidIdentityToken("OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint"),
    );
  });

  test('without ThumbprintList IAM connects to the issuer and keeps the top certificate of its chain', async () => {
    await using setup = await federated(issuer, { thumbprints: [] });
    const provider = await setup.iam.send(
      new GetOpenIDConnectProviderCommand({
        OpenIDConnectProviderArn: `arn:aws:iam::${ACCOUNT}:oidc-provider/${issuer.url.slice(8)}`,
      }),
    );
    expect(provider.ThumbprintList).toEqual([issuer.caThumbprint]);
  });

  test('an issuer that IAM cannot reach is OpenIdIdpCommunicationError', async () => {
    await using setup = await federated(issuer);
    const call = setup.iam.send(new CreateOpenIDConnectProviderCommand({ Url: `https://${issuer.host}/nobody` }));
    expect(await errorOf(call)).toMatchObject({ code: 'OpenIdIdpCommunicationError', status: 400 });
    expect(setup.aws.account().providers()).toHaveLength(1);
  });
});
