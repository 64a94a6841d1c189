import type { Tags } from '../iam/tags.ts';
import type { BootstrapDesign } from './bootstrap-design.ts';

/**
 * The design as a CloudFormation template, in JSON, which is YAML too. A role with a name of its own needs
 * CAPABILITY_NAMED_IAM (CloudFormation User Guide).
 */
export function cloudFormationOf(
  { provider, role, roleArn }: BootstrapDesign,
  { withOidcProvider }: { readonly withOidcProvider: boolean },
): string {
  const template = {
    AWSTemplateFormatVersion: '2010-09-09',
    Description: 'Federated identity operator: its role. Deploy with --capabilities CAPABILITY_NAMED_IAM',
    Resources: {
      ...(withOidcProvider ? { OidcProvider: oidcProvider(provider) } : {}),
      OperatorRole: {
        Type: 'AWS::IAM::Role',
        ...(withOidcProvider ? { DependsOn: 'OidcProvider' } : {}),
        Properties: {
          RoleName: role.name,
          Path: role.path,
          Description: role.description,
          ...(role.permissionsBoundaryArn === undefined ? {} : { PermissionsBoundary: role.permissionsBoundaryArn }),
          AssumeRolePolicyDocument: JSON.parse(role.trustPolicy),
          Policies: [...role.inlinePolicies].map(([PolicyName, document]) => ({
            PolicyName,
            PolicyDocument: JSON.parse(document),
          })),
          Tags: tagList(role.tags),
        },
      },
    },
    Outputs: { OperatorRoleArn: { Description: roleArn, Value: { 'Fn::GetAtt': ['OperatorRole', 'Arn'] } } },
  };
  return `${JSON.stringify(template, undefined, 2)}\n`;
}

const oidcProvider = ({ issuer, clientIds, thumbprints, tags }: BootstrapDesign['provider']): object => ({
  Type: 'AWS::IAM::OIDCProvider',
  Properties: {
    Url: issuer,
    ClientIdList: [...clientIds],
    ...(thumbprints === undefined ? {} : { ThumbprintList: thumbprints }),
    Tags: tagList(tags),
  },
});

const tagList = (tags: Tags): readonly object[] => [...tags].map(([Key, Value]) => ({ Key, Value }));
