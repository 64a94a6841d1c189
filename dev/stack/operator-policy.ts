/** The least that the operator's AWS principal needs: writes roles under one path and OIDC providers, reads roles, and nothing else. */
export const operatorPolicy = (account: string): Readonly<Record<string, unknown>> => ({
  Version: '2012-10-17',
  Statement: [
    {
      Sid: 'Roles',
      Effect: 'Allow',
      Action: [
        'iam:CreateRole',
        'iam:DeleteRole',
        'iam:UpdateRole',
        'iam:UpdateAssumeRolePolicy',
        'iam:TagRole',
        'iam:UntagRole',
        'iam:PutRolePermissionsBoundary',
        'iam:DeleteRolePermissionsBoundary',
        'iam:AttachRolePolicy',
        'iam:DetachRolePolicy',
        'iam:PutRolePolicy',
        'iam:DeleteRolePolicy',
      ],
      Resource: `arn:aws:iam::${account}:role/federated/*`,
    },
    {
      // Not limited to the path: IAM knows no path for a role that does not exist, and would answer AccessDenied for it.
      Sid: 'Read',
      Effect: 'Allow',
      Action: [
        'iam:GetRole',
        'iam:ListAttachedRolePolicies',
        'iam:GetRolePolicy',
        'iam:ListRolePolicies',
        'iam:ListInstanceProfilesForRole',
      ],
      Resource: `arn:aws:iam::${account}:role/*`,
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
