import { runSimulation } from '@cloud-copilot/iam-simulate';
import type { LocalAccount } from '../../dev/aws/local-account.ts';
import type { LocalAws } from '../../dev/aws/local-aws.ts';
import { clientsOf, EC2_TRUST, startWithAdmin } from '../../dev/aws/test-clients.ts';
import { operatorPolicy } from '../../dev/stack/operator-policy.ts';
import { assumingPolicy } from '../../src/iam/operator-policy.ts';
import { RoleArn } from '../../src/iam/arn.ts';

// An account with roles of ours, of others and of nobody, and operators with several of the policies that are generated.
export const ACCOUNT = '111122223333';
export const CLUSTER = 'c0ffee00-0000-4000-8000-000000000001';
export const ISSUER = 'https://oidc.example.com/cluster-a';
export const BUCKET = 'cluster-issuers';
export const BOUNDARY = `arn:aws:iam::${ACCOUNT}:policy/tenant-boundary`;
export const WIDER_BOUNDARY = `arn:aws:iam::${ACCOUNT}:policy/wider`;
export const OWN_ROLE = 'federated-identity-operator';
export const ASSUMED = `arn:aws:iam::${ACCOUNT}:role/hub-may-assume`;

export const ourTag = { Key: 'federatedidentity.dev/cluster', Value: CLUSTER };
export const otherTag = { Key: 'federatedidentity.dev/cluster', Value: 'another-cluster' };
export const providerArn = (issuer: string): string =>
  `arn:aws:iam::${ACCOUNT}:oidc-provider/${issuer.replace('https://', '')}`;
export const awsPolicy = (name: string): string => `arn:aws:iam::aws:policy/${name}`;

const guarded = (fields: object): object => ({
  issuer: { publish: { s3: { bucket: BUCKET, prefix: 'cluster-a' } } },
  guardrails: { rolePath: '/federated/', managedPolicyArns: ['arn:aws:iam::aws:policy/AmazonS3*'], ...fields },
});

/** Guardrails that only name what they must, with a forced boundary. */
const strict = guarded({ permissionsBoundaryArn: BOUNDARY });

const SPECS = {
  strict: { ...strict, deletionPolicy: 'Retain' },
  inline: guarded({ permissionsBoundaryArn: BOUNDARY, inlinePolicies: 'Allow' }),
  unbounded: guarded({}),
  noPolicies: { guardrails: { rolePath: '/federated/' } },
  observing: { ...strict, managementPolicy: 'Observe' },
} as const;

/** An operator by its provider's spec, the hub that assumes one role, or an administrator. */
export type Caller = keyof typeof SPECS | 'hub' | 'admin';
export type Clients = ReturnType<typeof clientsOf>;

export interface AbuseScene extends AsyncDisposable {
  as(caller: Caller): Clients;
}

/** The policy of a caller, as text. */
export function policyOfCaller(caller: Exclude<Caller, 'admin'>): string {
  if (caller === 'hub') return assumingPolicy(RoleArn.parse(ASSUMED));
  return operatorPolicy({ accountId: ACCOUNT, cluster: CLUSTER, issuer: ISSUER, spec: SPECS[caller] });
}

export async function startAbuseScene(): Promise<AbuseScene> {
  const setup = await startWithAdmin();
  await fill(setup.aws.account());
  return {
    as: (caller) => (caller === 'admin' ? setup : clientsOf(setup.aws, keyOf(setup.aws, caller))),
    [Symbol.asyncDispose]: () => setup[Symbol.asyncDispose](),
  };
}

const keyOf = (aws: LocalAws, caller: Exclude<Caller, 'admin'>) =>
  aws.account().createUser(`operator-${caller}`, policyOfCaller(caller));

async function fill(account: LocalAccount): Promise<void> {
  const all = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] };
  await account.createPolicy('tenant-boundary', all);
  await account.createPolicy('wider', all);
  const bounded = { PermissionsBoundary: BOUNDARY };
  await makeRole(account, 'ours', { Path: '/federated/', ...bounded, Tags: [ourTag, { Key: 'team', Value: 'a' }] });
  await makeRole(account, 'fresh', { Path: '/federated/', ...bounded, Tags: [ourTag] });
  await makeRole(account, 'lost-boundary', { Path: '/federated/', Tags: [ourTag] });
  await makeRole(account, 'of-another-cluster', { Path: '/federated/', ...bounded, Tags: [otherTag] });
  await makeRole(account, 'of-nobody', { Path: '/federated/', ...bounded });
  await makeRole(account, 'admin', {});
  await makeRole(account, 'near', { Path: '/federated-too/', ...bounded, Tags: [ourTag] });
  await makeRole(account, OWN_ROLE, { Path: '/federated-operator/', Tags: [ourTag] });
  for (const RoleName of ['ours', 'of-another-cluster', 'admin']) {
    await account.perform('AttachRolePolicy', { RoleName, PolicyArn: awsPolicy('AdministratorAccess') });
    await account.perform('PutRolePolicy', { RoleName, PolicyName: 'p', PolicyDocument: JSON.stringify(all) });
  }
  const trust = { Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` }, Action: 'sts:AssumeRole' };
  for (const RoleName of ['hub-may-assume', 'hub-may-not-assume']) {
    const document = JSON.stringify({ Version: '2012-10-17', Statement: [trust] });
    await account.perform('CreateRole', { RoleName, AssumeRolePolicyDocument: document });
  }
  const ThumbprintList = ['a'.repeat(40)];
  await account.perform('CreateOpenIDConnectProvider', { Url: ISSUER, ThumbprintList, Tags: [ourTag] });
  await account.perform('CreateOpenIDConnectProvider', { Url: 'https://others.example', ThumbprintList });
  account.createBucket(BUCKET, { region: 'eu-west-1' });
  account.createBucket('payroll', { region: 'eu-west-1' });
  account.putObject(BUCKET, 'cluster-a/openid/v1/jwks', '{}');
  account.putObject(BUCKET, 'cluster-b/openid/v1/jwks', '{}');
  account.putObject('payroll', '2026', '1');
}

const makeRole = (
  account: LocalAccount,
  RoleName: string,
  fields: Parameters<LocalAccount['perform']>[1],
): Promise<unknown> => account.perform('CreateRole', { RoleName, AssumeRolePolicyDocument: EC2_TRUST, ...fields });

/** Whether a policy alone allows an action that the local AWS does not serve. */
export async function allows(policy: string, action: string, resource: string): Promise<boolean> {
  const result = await runSimulation(
    {
      request: {
        principal: `arn:aws:iam::${ACCOUNT}:user/operator`,
        action,
        resource: { resource, accountId: ACCOUNT },
        contextVariables: {},
      },
      identityPolicies: [{ name: 'operator', policy: JSON.parse(policy) }],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
    },
    {},
  );
  if (result.resultType === 'error') throw new Error(`cannot be evaluated: ${JSON.stringify(result.errors)}`);
  return result.overallResult === 'Allowed';
}
