import type { AwsFederatedIdentityStatus } from '../../src/crds/aws-federated-identity.ts';
import { AwsFederatedIdentitySpec } from '../../src/crds/aws-federated-identity.ts';
import type { AwsOidcProviderStatus } from '../../src/crds/aws-oidc-provider.ts';
import { AwsOidcProviderSpec } from '../../src/crds/aws-oidc-provider.ts';
import type { Condition } from '../../src/crds/condition.ts';
import type { IdentityInput, ProviderInput } from '../../src/controllers/aws-federated-identity/desired.ts';
import { AccountId, IssuerUrl, OidcProviderArn, PolicyArn, RoleArn, RoleName, RolePath } from '../../src/iam/arn.ts';
import type { DesiredOidcProvider, OidcProvider } from '../../src/iam/oidc-providers.ts';
import { PolicyDocument } from '../../src/iam/policy-document.ts';
import type { DesiredRole, Role } from '../../src/iam/roles.ts';
import { type Owner, ownerTags } from '../../src/iam/tags.ts';
import { trustPolicy } from '../../src/iam/trust-policy.ts';
import type { AwsFederatedIdentity, AwsOidcProvider } from '../../src/kube/kinds.ts';
import type { ObjectMeta } from '../../src/kube/resource.ts';

// Every builder gives a valid object; a test names only the fields it is about.

export const ACCOUNT = AccountId.parse('111122223333');
export const CLUSTER = 'c0ffee00-0000-4000-8000-000000000001';
const REGION = 'eu-west-1';
export const ISSUER = IssuerUrl.parse('https://oidc.example.com/cluster-a');
export const PROVIDER_ARN = OidcProviderArn.parse(`arn:aws:iam::${ACCOUNT}:oidc-provider/oidc.example.com/cluster-a`);
export const ROLE_NAME = RoleName.parse('analytics-reports');
export const NOW = new Date('2026-03-01T12:00:00Z');

export const after = (ms: number): Date => new Date(NOW.getTime() + ms);

/** The ARN of an AWS managed policy. */
export const policyArn = (name: string): PolicyArn => PolicyArn.parse(`arn:aws:iam::aws:policy/${name}`);

/** A policy document of one statement that allows an action on a resource. */
export const policy = (action: string | readonly string[] = 's3:GetObject', resource = '*'): PolicyDocument =>
  document({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: action, Resource: resource }] });

export const document = (value: unknown): PolicyDocument => PolicyDocument.parse(JSON.stringify(value));

export const owner = (fields: Partial<Owner> = {}): Owner => ({
  cluster: CLUSTER,
  namespace: 'analytics',
  name: 'reports',
  uid: 'identity-uid',
  ...fields,
});

export const trust = (serviceAccount = 'reports', audience = 'sts.amazonaws.com'): PolicyDocument =>
  trustPolicy({
    issuers: [{ providerArn: PROVIDER_ARN, issuer: ISSUER }],
    audience,
    namespace: 'analytics',
    serviceAccount,
  });

export const desiredRole = (fields: Partial<DesiredRole> = {}): DesiredRole => ({
  name: ROLE_NAME,
  path: RolePath.parse('/federated/'),
  description: '',
  maxSessionDurationSeconds: 3600,
  trustPolicy: trust(),
  permissionsBoundaryArn: undefined,
  managedPolicyArns: new Set(),
  inlinePolicies: new Map(),
  tags: ownerTags(owner()),
  ...fields,
});

/** The ARN that IAM gives to a role of the account. */
export const roleArn = (name: string = ROLE_NAME, path = '/federated/'): RoleArn =>
  RoleArn.parse(`arn:aws:iam::${ACCOUNT}:role${path}${name}`);

export const role = (fields: Partial<Role> = {}): Role => ({
  ...desiredRole(),
  arn: roleArn(),
  id: 'AROAEXAMPLE0000001',
  ...fields,
});

export const desiredOidcProvider = (fields: Partial<DesiredOidcProvider> = {}): DesiredOidcProvider => ({
  arn: PROVIDER_ARN,
  issuer: ISSUER,
  clientIds: new Set(['sts.amazonaws.com']),
  thumbprints: undefined,
  tags: ownerTags(providerOwner()),
  ...fields,
});

export const providerOwner = (): Owner => ({ cluster: CLUSTER, name: 'default', uid: 'provider-uid' });

export const oidcProvider = (fields: Partial<OidcProvider> = {}): OidcProvider => ({
  clientIds: new Set(['sts.amazonaws.com']),
  thumbprints: ['a'.repeat(40)],
  tags: ownerTags(providerOwner()),
  ...fields,
});

/** The spec of an identity as the API server stores it: defaults filled in. Throws where the schema refuses it. */
export const identitySpec = (fields: object = {}): AwsFederatedIdentitySpec =>
  AwsFederatedIdentitySpec.parse({ serviceAccount: { name: 'reports' }, ...fields });

export const providerSpec = (fields: object = {}): AwsOidcProviderSpec =>
  AwsOidcProviderSpec.parse({ accountId: ACCOUNT, region: REGION, ...fields });

export const identityInput = (spec: object = {}, fields: Partial<IdentityInput> = {}): IdentityInput => ({
  namespace: 'analytics',
  name: 'reports',
  uid: 'identity-uid',
  spec: identitySpec(spec),
  ...fields,
});

export const providerInput = (spec: object = {}, fields: Partial<ProviderInput> = {}): ProviderInput => ({
  name: 'default',
  spec: providerSpec(spec),
  arn: PROVIDER_ARN,
  issuer: ISSUER,
  ...fields,
});

interface ObjectFields<Status> {
  readonly metadata?: ObjectMeta;
  readonly spec?: object;
  readonly status?: Status;
}

export const identity = ({
  metadata,
  spec,
  status,
}: ObjectFields<AwsFederatedIdentityStatus> = {}): AwsFederatedIdentity => ({
  metadata: {
    namespace: 'analytics',
    name: 'reports',
    uid: 'identity-uid',
    generation: 1,
    resourceVersion: '1',
    creationTimestamp: '2026-03-01T10:00:00Z',
    ...metadata,
  },
  spec: identitySpec(spec),
  ...(status === undefined ? {} : { status }),
});

/** An AwsOidcProvider that identities can use. */
export const provider = ({ metadata, spec, status }: ObjectFields<AwsOidcProviderStatus> = {}): AwsOidcProvider => ({
  metadata: { name: 'default', uid: 'provider-uid', generation: 1, resourceVersion: '1', ...metadata },
  spec: providerSpec(spec),
  status: { arn: PROVIDER_ARN, issuer: ISSUER, conditions: [condition()], ...status },
});

export const condition = (fields: Partial<Condition> = {}): Condition => ({
  type: 'Ready',
  status: 'True',
  reason: 'Succeeded',
  message: 'It works.',
  lastTransitionTime: '2026-03-01T11:00:00Z',
  observedGeneration: 1,
  ...fields,
});

/** An error as the AWS SDK throws it: `Code` is that of the wire. */
export const awsError = (
  Code: string,
  message = `text of ${Code}`,
  fault: 'client' | 'server' = 'client',
): Error & { readonly $fault: string } =>
  Object.assign(new Error(message), { name: `${Code}Exception`, $fault: fault, Code });

/** What `work` throws, so that reason and disposition can be compared. Fails when it throws nothing. */
export async function thrownBy(work: () => unknown): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}
