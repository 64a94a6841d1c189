import { REGION } from '../../dev/stack/stack.ts';
import type { LocalAccount } from '../../dev/aws/local-account.ts';
import { S3_READ, SQS_READ } from '../support/stories.ts';
import type { Scene } from './play.ts';

const EC2_READ = 'arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess';
const allow = (action: string) => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: action, Resource: '*' }],
});
const inline = (name: string, action: string): object => ({ name, document: allow(action) });
const FOREIGN = 'theirs';

/** What was in the account before the operator: two boundaries, and a role that an identity asks for and must not get. */
export async function furnish(account: LocalAccount): Promise<void> {
  for (const name of ['narrow', 'other']) await account.createPolicy(name, allow('s3:*'));
  const Principal = { Service: 'ec2.amazonaws.com' };
  const trust = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal, Action: 'sts:AssumeRole' }] };
  await account.perform('CreateRole', {
    RoleName: FOREIGN,
    Path: '/federated/',
    AssumeRolePolicyDocument: JSON.stringify(trust),
  });
}

/** The spec of a provider with guardrails that the stories need. */
export const providerSpec = ({ id: accountId }: LocalAccount, fields: object = {}): object => ({
  accountId,
  region: REGION,
  deletionPolicy: 'Delete',
  guardrails: {
    managedPolicyArns: ['arn:aws:iam::aws:policy/Amazon*'],
    inlinePolicies: 'Allow',
    rolePath: '/federated/',
  },
  ...fields,
});

/** The provider that identities need. */
export const withProvider = (account: LocalAccount): readonly Scene[] => [
  { title: 'a provider', provider: providerSpec(account) },
];
export const withoutProvider: readonly Scene[] = [{ title: 'no provider', provider: 'delete' }];

/** Creation, changes and deletion of a provider. `thumbprint` is that of the issuer's certificate. */
export const providerScenes = (account: LocalAccount, thumbprint: string): readonly Scene[] => [
  { title: 'create the provider', provider: providerSpec(account) },
  {
    title: 'one more audience, and another thumbprint',
    provider: providerSpec(account, {
      clientIds: ['sts.amazonaws.com', 'other'],
      thumbprints: [thumbprint, 'b'.repeat(40)],
    }),
  },
  { title: 'one audience less', provider: providerSpec(account, { clientIds: ['sts.amazonaws.com'] }) },
  { title: 'delete the provider', provider: 'delete' },
];

const app = (account: LocalAccount) => {
  const boundary = (name: string): string => `arn:aws:iam::${account.id}:policy/${name}`;
  const serviceAccount = { name: 'app' };
  return {
    first: {
      serviceAccount,
      role: {
        managedPolicyArns: [S3_READ, SQS_READ],
        inlinePolicies: [inline('first', 's3:GetObject')],
        permissionsBoundaryArn: boundary('narrow'),
        description: 'a',
        tags: { team: 'x' },
      },
    },
    second: {
      serviceAccount,
      role: {
        managedPolicyArns: [SQS_READ, EC2_READ],
        inlinePolicies: [inline('second', 'sqs:SendMessage')],
        permissionsBoundaryArn: boundary('other'),
        description: 'b',
        tags: { cost: 'y' },
      },
    },
    third: {
      serviceAccount,
      role: {
        managedPolicyArns: [EC2_READ],
        inlinePolicies: [inline('second', 's3:GetObject')],
        permissionsBoundaryArn: boundary('narrow'),
      },
    },
    fourth: { serviceAccount, tokenExpirationSeconds: 3600, role: { managedPolicyArns: [EC2_READ] } },
  };
};

/** Creation, changes and deletion of identities: one that goes with its role, one whose role stays, one that is refused. */
export const identityScenes = (account: LocalAccount): readonly Scene[] => {
  const { first, second, third, fourth } = app(account);
  const reasons = { refused: 'RoleNotOwned' };
  return [
    {
      title: 'create identities',
      identities: {
        app: first,
        kept: { serviceAccount: { name: 'kept' }, deletionPolicy: 'Retain' },
        refused: { serviceAccount: { name: 'refused' }, role: { name: FOREIGN } },
      },
      reasons,
    },
    { title: 'change a role', identities: { app: second }, reasons },
    { title: 'replace boundary and inline policy at once', identities: { app: third }, reasons },
    { title: 'take the boundary away', identities: { app: fourth }, reasons },
    { title: 'delete identities', identities: { app: 'delete', kept: 'delete', refused: 'delete' } },
  ];
};

/** The Lease is taken, renewed and given back. */
export const leaseScenes: readonly Scene[] = [
  { title: 'start and create', restarts: true, identities: { app: { serviceAccount: { name: 'app' } } } },
  { title: 'delete', identities: { app: 'delete' } },
];
