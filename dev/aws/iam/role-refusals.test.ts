import {
  AttachRolePolicyCommand,
  CreateRoleCommand,
  DeleteRolePolicyCommand,
  DetachRolePolicyCommand,
  GetRoleCommand,
  type IAMClient,
  ListRolesCommand,
  PutRolePermissionsBoundaryCommand,
  PutRolePolicyCommand,
  TagRoleCommand,
  UntagRoleCommand,
  UpdateAssumeRolePolicyCommand,
  UpdateRoleCommand,
} from '@aws-sdk/client-iam';
import { describe, expect, test } from 'vitest';
import { EC2_TRUST, errorOf, policyOf, startWithAdmin } from '../test-clients.ts';

const READ_S3 = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';
const tags = (count: number) => Array.from({ length: count }, (_, index) => ({ Key: `k${index}`, Value: 'v' }));
const validation = (message: string) => ({ code: 'ValidationError', status: 400, message });
const oneFault = (at: string, problem: string) =>
  validation(`1 validation error detected: Value at '${at}' failed to satisfy constraint: ${problem}`);
const noEntity = (message: string) => ({ code: 'NoSuchEntity', status: 404, message });
const malformed = (message: string) => ({ code: 'MalformedPolicyDocument', status: 400, message });
const limit = (message: string) => ({ code: 'LimitExceeded', status: 409, message });
const trust = (statement: Record<string, unknown>) =>
  policyOf({ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: 'ec2.amazonaws.com' }, ...statement });
const create = (iam: IAMClient, name: string, rest: Record<string, unknown> = {}) =>
  iam.send(new CreateRoleCommand({ RoleName: name, AssumeRolePolicyDocument: EC2_TRUST, ...rest }));

const readOnly = (sid: string, size: number) =>
  policyOf({ Sid: sid, Effect: 'Allow', Action: 's3:GetObject', Resource: `arn:aws:s3:::${'b'.repeat(size)}` });

describe('refusals of role operations', () => {
  const cases: readonly { name: string; call: (iam: IAMClient) => Promise<unknown>; expected: unknown }[] = [
    {
      name: 'a name that exists in another case and path',
      call: (iam) => create(iam, 'R', { Path: '/other/' }),
      expected: { code: 'EntityAlreadyExists', status: 409, message: 'Role with name R already exists.' },
    },
    {
      name: 'GetRole of a role that is not there',
      call: (iam) => iam.send(new GetRoleCommand({ RoleName: 'none' })),
      expected: noEntity('The role with name none cannot be found.'),
    },
    {
      name: 'a name over 64 characters',
      call: (iam) => create(iam, 'x'.repeat(65)),
      expected: oneFault('roleName', 'Member must have length less than or equal to 64'),
    },
    {
      name: 'a name with a slash',
      call: (iam) => create(iam, 'a/b'),
      expected: validation(
        'The specified value for roleName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-',
      ),
    },
    {
      name: 'a path without its last slash',
      call: (iam) => create(iam, 'x', { Path: '/federated' }),
      expected: validation(
        'The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.',
      ),
    },
    {
      name: 'a session longer than 12 hours',
      call: (iam) => create(iam, 'x', { MaxSessionDuration: 43_201 }),
      expected: oneFault('maxSessionDuration', 'Member must have value less than or equal to 43200'),
    },
    {
      name: 'a description outside Latin-1',
      call: (iam) => create(iam, 'x', { Description: 'näme ✓' }),
      expected: expect.objectContaining({ code: 'ValidationError' }),
    },
    {
      name: 'two faults at once',
      call: (iam) => create(iam, 'x'.repeat(65), { MaxSessionDuration: 1 }),
      expected: validation(
        "2 validation errors detected: Value at 'maxSessionDuration' failed to satisfy constraint: Member must have value greater than or equal to 3600; Value at 'roleName' failed to satisfy constraint: Member must have length less than or equal to 64",
      ),
    },
    {
      name: '51 tags in one request',
      call: (iam) => create(iam, 'x', { Tags: tags(51) }),
      expected: oneFault('tags', 'Member must have length less than or equal to 50'),
    },
    {
      name: 'a 51st tag',
      call: (iam) => iam.send(new TagRoleCommand({ RoleName: 'full', Tags: [{ Key: 'one-more', Value: '' }] })),
      expected: limit('The number of tags has reached the maximum limit.'),
    },
    {
      name: 'the same tag key in another case',
      call: (iam) =>
        create(iam, 'x', {
          Tags: [
            { Key: 'a', Value: '1' },
            { Key: 'A', Value: '2' },
          ],
        }),
      expected: {
        code: 'InvalidInput',
        status: 400,
        message: 'Duplicate tag keys found. Please note that Tag keys are case insensitive.',
      },
    },
    {
      name: 'the reserved tag prefix',
      call: (iam) => create(iam, 'x', { Tags: [{ Key: 'AWS:a', Value: '1' }] }),
      expected: expect.objectContaining({ code: 'InvalidInput' }),
    },
    {
      name: 'a tag value over 256 characters',
      call: (iam) => create(iam, 'x', { Tags: [{ Key: 'a', Value: 'v'.repeat(257) }] }),
      expected: oneFault('tags.1.member.value', 'Member must have length less than or equal to 256'),
    },
    {
      name: 'a tag key with a sharp',
      call: (iam) => create(iam, 'x', { Tags: [{ Key: 'a#', Value: 'v' }] }),
      expected: oneFault(
        'tags.1.member.key',
        'Member must satisfy regular expression pattern: [\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+',
      ),
    },
    {
      name: 'UntagRole with a key over 128 characters',
      call: (iam) => iam.send(new UntagRoleCommand({ RoleName: 'r', TagKeys: ['k'.repeat(129)] })),
      expected: oneFault(
        'tagKeys',
        'Member must satisfy constraint: [Member must have length less than or equal to 128, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+, Member must not be null]',
      ),
    },
    {
      name: 'a boundary that is not there',
      call: (iam) => create(iam, 'x', { PermissionsBoundary: 'arn:aws:iam::111122223333:policy/none' }),
      expected: noEntity('Scope ARN: arn:aws:iam::111122223333:policy/none does not exist or is not attachable.'),
    },
    {
      name: 'a boundary that is no policy',
      call: (iam) =>
        iam.send(
          new PutRolePermissionsBoundaryCommand({
            RoleName: 'r',
            PermissionsBoundary: 'arn:aws:iam::111122223333:role/none',
          }),
        ),
      expected: { code: 'InvalidInput', status: 400, message: 'ARN arn:aws:iam::111122223333:role/none is not valid.' },
    },
    {
      name: 'attaching a policy that is not there',
      call: (iam) =>
        iam.send(
          new AttachRolePolicyCommand({ RoleName: 'r', PolicyArn: 'arn:aws:iam::aws:policy/AmazonS3NopeAccess' }),
        ),
      expected: noEntity('Policy arn:aws:iam::aws:policy/AmazonS3NopeAccess does not exist or is not attachable.'),
    },
    {
      name: 'attaching what is no ARN',
      call: (iam) => iam.send(new AttachRolePolicyCommand({ RoleName: 'r', PolicyArn: 'longpolicynamebutnoarn' })),
      expected: validation('ARN longpolicynamebutnoarn is not valid.'),
    },
    {
      name: 'detaching what is not attached',
      call: (iam) => iam.send(new DetachRolePolicyCommand({ RoleName: 'r', PolicyArn: READ_S3 })),
      expected: noEntity(`Policy ${READ_S3} was not found.`),
    },
    {
      name: 'an inline policy that is not there',
      call: (iam) => iam.send(new DeleteRolePolicyCommand({ RoleName: 'r', PolicyName: 'p' })),
      expected: noEntity('The role policy with name p cannot be found.'),
    },
    {
      name: 'an 11th managed policy',
      call: (iam) => iam.send(new AttachRolePolicyCommand({ RoleName: 'full', PolicyArn: READ_S3 })),
      expected: limit('Cannot exceed quota for PoliciesPerRole: 10'),
    },
    {
      name: 'a trust policy over 2048 characters',
      call: (iam) =>
        create(iam, 'x', {
          AssumeRolePolicyDocument: trust({ Condition: { StringLike: { 'a:sub': 'x'.repeat(2048) } } }),
        }),
      expected: limit('Cannot exceed quota for ACLSizePerRole: 2048'),
    },
    {
      name: 'inline policies over 10240 characters in sum',
      call: (iam) =>
        iam.send(new PutRolePolicyCommand({ RoleName: 'full', PolicyName: 'b', PolicyDocument: readOnly('b', 6000) })),
      expected: limit('Maximum policy size of 10240 bytes exceeded for role full'),
    },
    {
      name: 'a trust policy that is no JSON',
      call: (iam) => create(iam, 'x', { AssumeRolePolicyDocument: '{' }),
      expected: malformed('This policy contains invalid Json'),
    },
    {
      name: 'a trust policy with a foreign action',
      call: (iam) => create(iam, 'x', { AssumeRolePolicyDocument: trust({ Action: 's3:GetObject' }) }),
      expected: malformed('AssumeRole policy may only specify STS AssumeRole actions.'),
    },
    {
      name: 'a trust policy with a Resource',
      call: (iam) =>
        iam.send(new UpdateAssumeRolePolicyCommand({ RoleName: 'r', PolicyDocument: trust({ Resource: '*' }) })),
      expected: malformed('Has prohibited field Resource'),
    },
    {
      name: 'a trust policy for everyone',
      call: (iam) => create(iam, 'x', { AssumeRolePolicyDocument: trust({ Principal: '*' }) }),
      expected: malformed('AssumeRolepolicy contained an invalid principal: "STAR":"*"'),
    },
    {
      name: 'a trust policy for a role that is not there',
      call: (iam) =>
        create(iam, 'x', {
          AssumeRolePolicyDocument: trust({ Principal: { AWS: 'arn:aws:iam::111122223333:role/none' } }),
        }),
      expected: malformed('Invalid principal in policy: "AWS":"arn:aws:iam::111122223333:role/none"'),
    },
    {
      name: 'a Federated principal that is a URL',
      call: (iam) =>
        create(iam, 'x', { AssumeRolePolicyDocument: trust({ Principal: { Federated: 'https://oidc.example' } }) }),
      expected: malformed('Invalid principal in policy: "Federated":"https://oidc.example"'),
    },
    {
      name: 'a condition operator that does not exist',
      call: (iam) =>
        create(iam, 'x', { AssumeRolePolicyDocument: trust({ Condition: { StringEqual: { 'a:sub': 'b' } } }) }),
      expected: malformed('Invalid Condition type : StringEqual.'),
    },
    {
      name: 'an identity policy without Resource',
      call: (iam) =>
        iam.send(
          new PutRolePolicyCommand({
            RoleName: 'r',
            PolicyName: 'p',
            PolicyDocument: policyOf({ Effect: 'Allow', Action: 's3:*' }),
          }),
        ),
      expected: malformed('Policy statement must contain resources.'),
    },
    {
      name: 'an identity policy with a Principal',
      call: (iam) =>
        iam.send(
          new PutRolePolicyCommand({
            RoleName: 'r',
            PolicyName: 'p',
            PolicyDocument: policyOf({ Effect: 'Allow', Action: 's3:*', Resource: '*', Principal: '*' }),
          }),
        ),
      expected: malformed('Policy document should not specify a principal.'),
    },
    {
      name: 'two statements of one Sid',
      call: (iam) =>
        iam.send(
          new PutRolePolicyCommand({
            RoleName: 'r',
            PolicyName: 'p',
            PolicyDocument: policyOf(
              { Sid: 'a', Effect: 'Allow', Action: 's3:*', Resource: '*' },
              { Sid: 'a', Effect: 'Allow', Action: 's3:*', Resource: '*' },
            ),
          }),
        ),
      expected: malformed('Statement IDs (SID) in a single policy must be unique.'),
    },
    {
      name: 'an invented marker',
      call: (iam) => iam.send(new ListRolesCommand({ Marker: 'next' })),
      expected: validation('Invalid Marker.'),
    },
    {
      name: 'a change of a service-linked role',
      call: (iam) => iam.send(new UpdateRoleCommand({ RoleName: 'AWSServiceRoleForX', Description: 'mine' })),
      expected: expect.objectContaining({ code: 'UnmodifiableEntity', status: 400 }),
    },
  ];

  test.each(cases)('$name', async ({ call, expected }) => {
    await using setup = await startWithAdmin();
    const { iam, aws } = setup;
    await create(iam, 'r');
    await create(iam, 'AWSServiceRoleForX', { Path: '/aws-service-role/x.amazonaws.com/' });
    await create(iam, 'full', { Tags: tags(50) });
    await iam.send(
      new PutRolePolicyCommand({ RoleName: 'full', PolicyName: 'a', PolicyDocument: readOnly('a', 6000) }),
    );
    for (let index = 0; index < 10; index += 1) {
      const PolicyArn = await aws.account().createPolicy(`p${index}`, readOnly('a', 3));
      await iam.send(new AttachRolePolicyCommand({ RoleName: 'full', PolicyArn }));
    }
    expect(await errorOf(call(iam))).toEqual(expected);
  });
});
