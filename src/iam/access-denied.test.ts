import { describe, expect, test } from 'vitest';
import { remedyForDenial } from './access-denied.ts';

const SESSION = 'arn:aws:sts::111122223333:assumed-role/operator';
const ROLE = 'arn:aws:iam::111122223333:role/federated/reports';
const BECAUSE = 'because no identity-based policy allows the iam:TagRole action';
const denied = (action: string, resource: string, reason: string): string =>
  `User: ${SESSION} is not authorized to perform: ${action} on resource: ${resource}${reason === '' ? '' : ` ${reason}`}`;

describe('what to do about an AccessDenied [F32 F33]', () => {
  test.each([
    {
      name: 'a missing permission: the statement to add, by the action that AWS names and not by the call that was made',
      text: denied('iam:TagRole', ROLE, BECAUSE),
      remedy: `Add to the policies of ${SESSION}: {"Effect":"Allow","Action":"iam:TagRole","Resource":"${ROLE}"}.`,
    },
    {
      name: 'an operation without a resource of its own',
      text: denied('iam:ListRoles', '*', 'because no identity-based policy allows the iam:ListRoles action'),
      remedy: `Add to the policies of ${SESSION}: {"Effect":"Allow","Action":"iam:ListRoles","Resource":"*"}.`,
    },
    {
      name: 'a role that IAM cannot resolve, and names without its ARN',
      text: denied('iam:GetRole', 'role reports', 'because no identity-based policy allows the iam:GetRole action'),
      remedy: `Add to the policies of ${SESSION}: {"Effect":"Allow","Action":"iam:GetRole","Resource":"<ARN of role reports>"}.`,
    },
    {
      name: 'an explicit deny of its own',
      text: denied('iam:TagRole', ROLE, 'with an explicit deny in an identity-based policy'),
      remedy: `A policy of ${SESSION} denies it explicitly: remove that Deny statement.`,
    },
    {
      name: 'an explicit deny of an SCP, with or without the ARN of the policy',
      text: denied(
        'iam:CreateRole',
        ROLE,
        'with an explicit deny in a service control policy: arn:aws:organizations::999988887777:policy/o-1/service_control_policy/p-1',
      ),
      remedy:
        "A service control policy (SCP) of the AWS organization denies it explicitly: its administrators must permit iam:CreateRole for this account. A statement in the operator's own policies does not help.",
    },
    {
      name: 'an SCP that does not allow it',
      text: denied('iam:CreateRole', ROLE, 'because no service control policy allows the iam:CreateRole action'),
      remedy:
        "No service control policy (SCP) of the AWS organization allows it: its administrators must permit iam:CreateRole for this account. A statement in the operator's own policies does not help.",
    },
    {
      name: 'a resource control policy',
      text: denied('sts:AssumeRole', ROLE, 'with an explicit deny in a resource control policy'),
      remedy:
        "A resource control policy (RCP) of the AWS organization denies it explicitly: its administrators must permit sts:AssumeRole on this resource. A statement in the operator's own policies does not help.",
    },
    {
      name: 'a boundary that does not allow it',
      text: denied('iam:CreateRole', ROLE, 'because no permissions boundary allows the iam:CreateRole action'),
      remedy: `The permissions boundary of ${SESSION} does not allow it: add {"Effect":"Allow","Action":"iam:CreateRole","Resource":"${ROLE}"} to the boundary.`,
    },
    {
      name: 'a boundary that denies it',
      text: denied('iam:CreateRole', ROLE, 'with an explicit deny in a permissions boundary'),
      remedy: `The permissions boundary of ${SESSION} denies it explicitly: remove that Deny statement from the boundary.`,
    },
    {
      name: 'a session policy',
      text: denied('iam:CreateRole', ROLE, 'because no session policy allows the iam:CreateRole action'),
      remedy: "The session policy that the operator's credentials were made with does not permit iam:CreateRole.",
    },
    {
      name: 'a VPC endpoint policy',
      text: denied('iam:CreateRole', ROLE, 'because no VPC endpoint policy allows the iam:CreateRole action'),
      remedy: 'The policy of the VPC endpoint that the call went through does not permit iam:CreateRole.',
    },
    {
      name: 'a role of another account that may not be assumed: AWS never says which side refuses',
      text: denied('sts:AssumeRole', ROLE, ''),
      remedy: `The trust policy of that role must name ${SESSION}, with the externalId of spec.assumeRole if it demands one; and its own policies must allow {"Effect":"Allow","Action":"sts:AssumeRole","Resource":"${ROLE}"}.`,
    },
    {
      name: 'a text of another form: the permission of the call that was made',
      text: 'Access Denied',
      remedy: "Grant the operator's role iam:CreateRole on it.",
    },
  ])('$name', ({ text, remedy }) => {
    expect(remedyForDenial('CreateRole', text)).toBe(remedy);
  });

  test('calls to STS are named as such', () => {
    expect(remedyForDenial('GetCallerIdentity', 'no')).toContain('sts:GetCallerIdentity');
  });
});
