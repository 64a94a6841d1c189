/** The least that the operator's AWS principal needs: roles under one path, OIDC providers, and nothing else. */
export const operatorPolicy = (account: string): Readonly<Record<string, unknown>> => ({
  Version: '2012-10-17',
  Statement: [
    {
      Sid: 'Roles',
      Effect: 'Allow',
      Action: [
        'iam:CreateRole',
        'iam:DeleteRole',
        'iam:GetRole',
        'iam:UpdateRole',
        'iam:UpdateAssumeRolePolicy',
        'iam:TagRole',
        'iam:UntagRole',
        'iam:PutRolePermissionsBoundary',
        'iam:DeleteRolePermissionsBoundary',
        'iam:AttachRolePolicy',
        'iam:DetachRolePolicy',
        'iam:ListAttachedRolePolicies',
        'iam:PutRolePolicy',
        'iam:DeleteRolePolicy',
        'iam:GetRolePolicy',
        'iam:ListRolePolicies',
        'iam:ListInstanceProfilesForRole',
      ],
      Resource: `arn:aws:iam::${account}:role/federated/*`,
    },
    // The drift sweep; IAM knows no narrower resource for these.
    { Sid: 'Sweep', Effect: 'Allow', Action: ['iam:ListRoles', 'iam:GetAccountAuthorizationDetails'], Resource: '*' },
    {
      Sid: 'Provider',
      Effect: 'Allow',
      Action: [
        'iam:CreateOpenIDConnectProvider',
        'iam:DeleteOpenIDConnectProvider',
        'iam:GetOpenIDConnectProvider',
        'iam:TagOpenIDConnectProvider',
        'iam:AddClientIDToOpenIDConnectProvider',
        'iam:RemoveClientIDFromOpenIDConnectProvider',
        'iam:UpdateOpenIDConnectProviderThumbprint',
      ],
      Resource: `arn:aws:iam::${account}:oidc-provider/*`,
    },
  ],
});
