import {
  AttachRolePolicyCommand,
  CreateOpenIDConnectProviderCommand,
  CreateRoleCommand,
  DeleteRoleCommand,
  DeleteRolePermissionsBoundaryCommand,
  DeleteRolePolicyCommand,
  DetachRolePolicyCommand,
  PutRolePermissionsBoundaryCommand,
  PutRolePolicyCommand,
  TagRoleCommand,
  UntagRoleCommand,
  UpdateAssumeRolePolicyCommand,
  UpdateRoleCommand,
} from '@aws-sdk/client-iam';
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { AssumeRoleCommand } from '@aws-sdk/client-sts';
import { ADMIN_POLICY, EC2_TRUST } from '../../dev/aws/test-clients.ts';
import { awsPolicy, BOUNDARY, type Caller, type Clients, ISSUER, ourTag, providerArn } from './abuse-scene.ts';

export type Attempt = (clients: Clients) => Promise<unknown>;

export interface Row {
  readonly name: string;
  readonly abuse: Attempt;
  /** Of the same operation, and allowed; default: the same call by an administrator. */
  readonly twin?: Attempt;
  /** Who makes the attempt; default: strict. */
  readonly by?: Caller;
  /** Who makes the twin; default: the same, or an administrator where there is no twin. */
  readonly twinBy?: Caller;
}

const newRole = {
  RoleName: 'new',
  Path: '/federated/',
  AssumeRolePolicyDocument: EC2_TRUST,
  PermissionsBoundary: BOUNDARY,
  Tags: [ourTag],
};
export const PolicyDocument = ADMIN_POLICY;
export const S3 = awsPolicy('AmazonS3FullAccess');
export const ADMIN = awsPolicy('AdministratorAccess');
export const OpenIDConnectProviderArn = providerArn(ISSUER);
export const others = { OpenIDConnectProviderArn: providerArn('https://others.example') };

export const create =
  (fields: object): Attempt =>
  ({ iam }) =>
    iam.send(new CreateRoleCommand({ ...newRole, ...fields }));
export const attach =
  (RoleName: string, PolicyArn: string): Attempt =>
  ({ iam }) =>
    iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn }));
export const trust =
  (RoleName: string): Attempt =>
  ({ iam }) =>
    iam.send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument: EC2_TRUST }));
export const bound =
  (RoleName: string, PermissionsBoundary: string): Attempt =>
  ({ iam }) =>
    iam.send(new PutRolePermissionsBoundaryCommand({ RoleName, PermissionsBoundary }));
export const unbound =
  (RoleName: string): Attempt =>
  ({ iam }) =>
    iam.send(new DeleteRolePermissionsBoundaryCommand({ RoleName }));
export const inline =
  (RoleName: string): Attempt =>
  ({ iam }) =>
    iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: 'p', PolicyDocument }));
export const detach =
  (RoleName: string): Attempt =>
  ({ iam }) =>
    iam.send(new DetachRolePolicyCommand({ RoleName, PolicyArn: ADMIN }));
export const removeInline =
  (RoleName: string): Attempt =>
  ({ iam }) =>
    iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName: 'p' }));
export const remove =
  (RoleName: string): Attempt =>
  ({ iam }) =>
    iam.send(new DeleteRoleCommand({ RoleName }));
export const update =
  (RoleName: string): Attempt =>
  ({ iam }) =>
    iam.send(new UpdateRoleCommand({ RoleName, MaxSessionDuration: 7200 }));
export const tag =
  (RoleName: string, ...Tags: { Key: string; Value: string }[]): Attempt =>
  ({ iam }) =>
    iam.send(new TagRoleCommand({ RoleName, Tags }));
export const untag =
  (RoleName: string, ...TagKeys: string[]): Attempt =>
  ({ iam }) =>
    iam.send(new UntagRoleCommand({ RoleName, TagKeys }));
export const put =
  (Bucket: string, Key: string): Attempt =>
  ({ s3 }) =>
    s3.send(new PutObjectCommand({ Bucket, Key, Body: '{}' }));
export const get =
  (Bucket: string, Key: string): Attempt =>
  ({ s3 }) =>
    s3.send(new GetObjectCommand({ Bucket, Key }));
export const assume =
  (RoleArn: string): Attempt =>
  ({ sts }) =>
    sts.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: 'attempt' }));
export const team = { Key: 'team', Value: 'b' };
export const JWKS = 'openid/v1/jwks';

export const thumbprints = ['b'.repeat(40)];
export const client = { ClientID: 'mine' };
export const newProvider = (Url: string, ...Tags: { Key: string; Value: string }[]): Attempt => {
  const command = { Url, ThumbprintList: thumbprints, Tags };
  return async ({ iam }) => {
    // The provider of the issuer exists, so that what is allowed ends there.
    await iam.send(new CreateOpenIDConnectProviderCommand(command)).catch((error: { Code?: string }) => {
      if (error.Code !== 'EntityAlreadyExists') throw error;
    });
  };
};
