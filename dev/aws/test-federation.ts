import { AssumeRoleWithWebIdentityCommand } from '@aws-sdk/client-sts';
import { policyOf, startWithAdmin } from './test-clients.ts';
import type { TestIssuer } from './test-issuer.ts';

export const ACCOUNT = '111122223333';
export const ROLE_ARN = `arn:aws:iam::${ACCOUNT}:role/federated/reports`;
export const NO_KEY =
  "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements";
export const invalidIdentityToken = (message: string) => ({ code: 'InvalidIdentityToken', status: 400, message });

/** A trust policy for the ServiceAccount analytics/reports, or with conditions of its own. */
export const trustOf = (hostPath: string, condition?: Record<string, unknown>) =>
  policyOf({
    Effect: 'Allow',
    Principal: { Federated: `arn:aws:iam::${ACCOUNT}:oidc-provider/${hostPath}` },
    Action: 'sts:AssumeRoleWithWebIdentity',
    Condition: condition ?? {
      StringEquals: {
        [`${hostPath}:aud`]: 'sts.amazonaws.com',
        [`${hostPath}:sub`]: 'system:serviceaccount:analytics:reports',
      },
    },
  });

interface FederationOptions {
  readonly trust?: string;
  readonly thumbprints?: readonly string[];
  /** Whether AWS trusts the issuer's CA. */
  readonly trustsCa?: boolean;
  readonly now?: () => Date;
}

/** A local AWS that knows the issuer, with provider and role as the operator makes them. */
export async function federated(issuer: TestIssuer, options: FederationOptions = {}) {
  const { trust, thumbprints = [issuer.caThumbprint], trustsCa = true, now } = options;
  const started = await startWithAdmin({
    issuers: {
      resolve: { [issuer.host]: { address: '127.0.0.1', port: issuer.port } },
      caCertificates: trustsCa ? [issuer.caCertificate] : [],
    },
    ...(now === undefined ? {} : { now }),
  });
  const account = started.aws.account();
  const provider = { Url: issuer.url, ClientIDList: ['sts.amazonaws.com'], ThumbprintList: thumbprints };
  await account.perform('CreateOpenIDConnectProvider', provider);
  const document = trust ?? trustOf(issuer.url.slice('https://'.length));
  await account.perform('CreateRole', { RoleName: 'reports', Path: '/federated/', AssumeRolePolicyDocument: document });
  const assume = (token: string, input: { role?: string; session?: string; duration?: number } = {}) =>
    started.sts.send(
      new AssumeRoleWithWebIdentityCommand({
        RoleArn: input.role ?? ROLE_ARN,
        RoleSessionName: input.session ?? 'session-1',
        WebIdentityToken: token,
        DurationSeconds: input.duration,
      }),
    );
  return { ...started, assume };
}
