import { KubeConfig, RbacAuthorizationV1Api } from '@kubernetes/client-node';
import { afterAll, afterEach, beforeAll, expect, inject, test, vi } from 'vitest';
import { ACCOUNT } from '../../dev/aws/test-federation.ts';
import { startLocalAws } from '../../dev/aws/local-aws.ts';
import { certificateAuthority, serverUrl } from '../../dev/cluster/admin.ts';
import { IssuerUrl, RoleArn } from '../../src/iam/arn.ts';
import { kubernetesClient } from '../../src/kube/client.ts';
import { requestToken } from '../../src/kube/service-account-token.ts';
import { readToken } from '../../src/oidc/issuer.ts';
import { IssuerCheck } from '../../src/oidc/issuer-check.ts';
import { pinnedFetch } from '../../src/oidc/pinned-fetch.ts';
import { judge } from '../../src/sts/federation-check.ts';
import { stsTokenExchange } from '../../src/sts/token-exchange.ts';

// The documents of a real API server, seen as AWS sees them: by name and TLS, without a login.

const never = new AbortController().signal;
const BINDING = 'anonymous-issuer-discovery';
const kubeconfig = inject('kubeconfig');
const config = new KubeConfig();
config.loadFromFile(kubeconfig);
const kubernetes = kubernetesClient(config);
const rbac = config.makeApiClient(RbacAuthorizationV1Api);
const place = { address: '127.0.0.1', port: Number(new URL(serverUrl(kubeconfig)).port) };

let minted: { token: string; issuer: IssuerUrl; key: ReturnType<typeof readToken>['key'] };
beforeAll(async () => {
  const account = { namespace: 'default', name: 'default' };
  const token = await requestToken(kubernetes, account, 'sts.amazonaws.com', never);
  const { issuer, key } = readToken(token);
  minted = { token, issuer: IssuerUrl.parse(issuer), key };
});

const look = () => {
  const fetchDocument = pinnedFetch({
    resolve: () => Promise.reject(new Error('DNS is not asked')),
    connectTo: new Map([[new URL(minted.issuer).hostname, place]]),
  });
  return new IssuerCheck({ fetchDocument, now: () => new Date() }).verdict(minted.issuer, minted.key, never);
};

/** What the group of everybody without a login may read. */
const allowAnonymous = () =>
  rbac.createClusterRoleBinding({
    body: {
      metadata: { name: BINDING },
      roleRef: {
        apiGroup: 'rbac.authorization.k8s.io',
        kind: 'ClusterRole',
        name: 'system:service-account-issuer-discovery',
      },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:unauthenticated' }],
    },
  });

test('the documents of kube-apiserver are fine, and have the key of its tokens', async () => {
  const verdict = await look();
  expect(verdict).toMatchObject({ kind: 'usable', keyIds: [minted.key.kid] });
});

test('without the binding for everybody: IssuerForbidden, and the very command that makes it', async () => {
  await rbac.deleteClusterRoleBinding({ name: BINDING });
  try {
    await expect.poll(look, { interval: 100 }).toMatchObject({
      kind: 'unusable',
      reason: 'IssuerForbidden',
      message: expect.stringContaining('kubectl create clusterrolebinding anonymous-issuer-discovery'),
    });
  } finally {
    await allowAnonymous();
  }
  await expect.poll(look, { interval: 100 }).toMatchObject({ kind: 'usable' });
});

/** An AWS that does not trust the authority of the cluster, as none does that is not public. */
const aws = Promise.withResolvers<Awaited<ReturnType<typeof startLocalAws>>>();
beforeAll(async () => {
  const resolve = { [new URL(minted.issuer).hostname]: place };
  aws.resolve(await startLocalAws({ issuers: { resolve, caCertificates: [] } }));
});
afterAll(async () => (await aws.promise).close());
afterEach(() => void vi.unstubAllEnvs());

/** What STS says to the token while the OIDC provider has this thumbprint. */
async function exchangeWith(thumbprint: string) {
  const { endpoint, account } = await aws.promise;
  vi.stubEnv('AWS_ENDPOINT_URL', endpoint);
  const provider = { Url: minted.issuer, ClientIDList: ['sts.amazonaws.com'], ThumbprintList: [thumbprint] };
  await account().perform('CreateOpenIDConnectProvider', provider);
  try {
    const roleArn = RoleArn.parse(`arn:aws:iam::${ACCOUNT}:role/nobody`);
    return await stsTokenExchange({ onCall: () => {} }).exchange('eu-west-1', roleArn, minted.token, never);
  } finally {
    const OpenIDConnectProviderArn = `arn:aws:iam::${ACCOUNT}:oidc-provider/${minted.issuer.slice(8)}`;
    await account().perform('DeleteOpenIDConnectProvider', { OpenIDConnectProviderArn });
  }
}

test('the thumbprint that the check names for a private authority is the one that STS wants [S8]', async () => {
  expect(certificateAuthority(kubeconfig)).toContain('BEGIN CERTIFICATE'); // it is in no public store
  const verdict = await look();
  const [pin = ''] = verdict.kind === 'usable' ? verdict.pins.map(({ thumbprint }) => thumbprint) : [];
  expect(pin).toMatch(/^[0-9a-f]{40}$/);
  expect(await exchangeWith(pin)).toMatchObject({ message: 'Not authorized to perform sts:AssumeRoleWithWebIdentity' });
  expect(judge(await exchangeWith('0'.repeat(40)), Infinity)).toMatchObject({ reason: 'ThumbprintMismatch' });
});
