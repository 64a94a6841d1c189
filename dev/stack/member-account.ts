import { operatorPolicy } from './operator-policy.ts';
import { ACCOUNT, type Stack } from './stack.ts';

const USER = 'federated-identity-operator';
const ROLE = 'federated-identity-operator';

export const memberRoleArn = (accountId: string): string => `arn:aws:iam::${accountId}:role/${ROLE}`;

/** Makes the role in a further account that `spec.assumeRole` of its provider names, and lets the stack's operator assume it. */
export async function joinAccount({ aws, account, clusterId, cluster }: Stack, accountId: string): Promise<void> {
  const member = aws.account(accountId);
  const policy = operatorPolicy({ accountId, cluster: clusterId, issuer: cluster.issuer });
  const trust = {
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${ACCOUNT}:user/${USER}` }, Action: 'sts:AssumeRole' },
    ],
  };
  await member.perform('CreateRole', { RoleName: ROLE, AssumeRolePolicyDocument: JSON.stringify(trust) });
  await member.perform('PutRolePolicy', {
    RoleName: ROLE,
    PolicyName: 'operator',
    PolicyDocument: policy,
  });
  const own: { readonly Statement: readonly object[] } = JSON.parse(
    operatorPolicy({ accountId: ACCOUNT, cluster: clusterId, issuer: cluster.issuer }),
  );
  const assume = { Effect: 'Allow', Action: 'sts:AssumeRole', Resource: memberRoleArn('*') };
  account.createUser(USER, { ...own, Statement: [...own.Statement, assume] });
}
