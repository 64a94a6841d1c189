import { pino } from 'pino';
import type { Dependencies } from '../../src/controllers/aws-oidc-provider/dependencies.ts';
import { reconcileOidcProvider } from '../../src/controllers/aws-oidc-provider/reconcile.ts';
import type { OidcProvider } from '../../src/iam/oidc-providers.ts';
import { type AwsFederatedIdentity, type AwsOidcProvider, PROVIDERS } from '../../src/kube/kinds.ts';
import type { Fetched } from '../../src/oidc/pinned-fetch.ts';
import type { Exchange } from '../../src/sts/token-exchange.ts';
import { CLUSTER, ISSUER, NOW, provider as aProvider, PROVIDER_ARN } from './builders.ts';
import { inMemoryAccount, inMemoryOidcProviders } from './in-memory-iam.ts';
import { inMemoryKubernetes } from './in-memory-kubernetes.ts';
import { inMemoryBucket } from './in-memory-s3.ts';
import { expectGoodStatus } from './kstatus.ts';
import { served } from './served.ts';

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** What STS says to a token of this cluster for a role that does not trust it: all but the role is right. */
export const NOT_AUTHORIZED: Exchange = {
  kind: 'refused',
  code: 'AccessDenied',
  message: 'Not authorized to perform sts:AssumeRoleWithWebIdentity',
};

export const freshProvider = (fields: Parameters<typeof aProvider>[0] = {}): AwsOidcProvider => ({
  ...aProvider(fields),
  status: {},
});

interface SceneOptions {
  readonly provider?: AwsOidcProvider;
  readonly observed?: OidcProvider;
  readonly issuer?: string;
  readonly identities?: readonly AwsFederatedIdentity[];
  readonly verification?: Dependencies['settings']['verification'];
}

/** A provider in a cluster, an account and an internet in memory. Its issuer is served as AWS wants it. */
export function providerScene({
  provider = freshProvider(),
  observed,
  issuer = ISSUER,
  identities = [],
  verification = 'token',
}: SceneOptions = {}) {
  const kubernetes = inMemoryKubernetes();
  kubernetes.put(PROVIDERS, provider);
  const iam = inMemoryOidcProviders(observed === undefined ? {} : { [PROVIDER_ARN]: observed });
  const bucket = inMemoryBucket();
  const account = inMemoryAccount(undefined, iam, bucket);
  const clock = { now: NOW };
  const users = [...identities];
  /** What the API server's tokens say. */
  const token = { iss: issuer, kid: 'k1' };
  const tokens: string[] = [];
  /** What STS answers, one after the other, the last one for ever; and what it was asked. */
  const sts: { answers: Exchange[]; readonly asked: string[] } = { answers: [NOT_AUTHORIZED], asked: [] };
  /** What is served where, and what was fetched. */
  const internet = new Map<string, Fetched>([
    [`${ISSUER}/.well-known/openid-configuration`, served({ issuer: ISSUER, jwks_uri: `${ISSUER}/jwks` })],
    [`${ISSUER}/jwks`, served({ keys: [{ kty: 'RSA', kid: 'k1', n: 'AQ', alg: 'RS256' }] })],
  ]);
  const fetched: string[] = [];
  const mint = async <T>(): Promise<T> => {
    const text = `${encode({ alg: 'RS256', kid: token.kid })}.${encode({ iss: token.iss })}.sig`;
    tokens.push(text);
    const answer: unknown = { status: { token: text } };
    return answer as T; // the caller names the shape
  };
  const run = reconcileOidcProvider({
    kubernetes: { ...kubernetes.client, createSubresource: mint },
    providers: { get: (name) => kubernetes.read(PROVIDERS, name) },
    identities: { byIndex: () => users },
    accounts: { of: () => account },
    fetchDocument: async (url) => {
      fetched.push(url.href);
      return internet.get(url.href) ?? { kind: 'failed', phase: 'name', code: 'ENOTFOUND' };
    },
    exchange: {
      exchange: async (region, roleArn, text) => {
        sts.asked.push(`${region} ${roleArn} ${text}`);
        return sts.answers[Math.min(sts.asked.length, sts.answers.length) - 1] ?? NOT_AUTHORIZED;
      },
    },
    events: { record: () => {} },
    cluster: CLUSTER,
    serviceAccount: { namespace: 'federated-identity-system', name: 'operator' },
    settings: {
      resyncIntervalMs: 600_000,
      verification,
      providerVerificationIntervalMs: 300_000,
      consistencyWindowMs: 60_000,
    },
    now: () => clock.now,
    random: () => 0.5,
  });
  const reconcile = () =>
    run({ name: 'default' }, { signal: new AbortController().signal, log: pino({ level: 'silent' }) });
  const stored = (): AwsOidcProvider | undefined => {
    const object = kubernetes.read<AwsOidcProvider>(PROVIDERS, { name: 'default' });
    if (object !== undefined) expectGoodStatus(object);
    return object;
  };
  const condition = (type: string) => stored()?.status?.conditions?.find((one) => one.type === type);
  const ready = () => condition('Ready');
  return {
    kubernetes,
    iam,
    bucket,
    clock,
    users,
    token,
    tokens,
    sts,
    internet,
    fetched,
    reconcile,
    stored,
    condition,
    ready,
  };
}
