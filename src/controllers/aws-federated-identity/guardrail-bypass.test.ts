import { describe, expect, test } from 'vitest';
import { BYPASSES, STRICT } from '../../../test/support/bypass-attempts.ts';
import { CLUSTER, providerInput, thrownBy } from '../../../test/support/builders.ts';
import { AwsFederatedIdentitySpec } from '../../crds/aws-federated-identity.ts';
import { parsePolicyDocument } from '../../iam/policy-document.ts';
import { desiredState } from './desired.ts';

/** What the operator makes of a spec that was stored before any rule of the API server: it reads it by the schema again. */
const desired = (fields: object) => {
  const spec = AwsFederatedIdentitySpec.parse({ serviceAccount: { name: 'reports' }, ...fields });
  const identity = { namespace: 'analytics', name: 'reports', uid: 'uid', spec };
  return desiredState(identity, providerInput(STRICT), CLUSTER);
};

// Tags are kept away by CEL alone, and adoption is refused by what AWS has.
const here = BYPASSES.filter(
  ({ spec, refusedBy }) => !JSON.stringify(spec).includes('tags') && refusedBy !== 'AdoptionRefused',
);

describe('guardrails are not got round by [F68 F69 F70 S2 S3]', () => {
  test.each(here)('$name', async ({ spec, refusedBy }) => {
    const error = await thrownBy(() => desired(spec));
    if (refusedBy === 'schema') expect(error).toMatchObject({ name: 'ZodError' });
    else expect(error).toMatchObject({ reason: refusedBy, disposition: { kind: 'terminal' } });
  });

  test('a path in the name of a policy: IAM knows no "..", so that the policy is simply not there', () => {
    const { role } = desired({
      role: { managedPolicyArns: ['arn:aws:iam::aws:policy/AmazonS3/../AdministratorAccess'] },
    });
    expect([...role.managedPolicyArns]).toEqual(['arn:aws:iam::aws:policy/AmazonS3/../AdministratorAccess']);
  });
});

test('whatever the spec says, the role has the boundary, the path and one subject [F70 S2 S3]', () => {
  const role = { role: { name: 'team-a-x', managedPolicyArns: ['arn:aws:iam::aws:policy/AmazonS3FullAccess'] } };
  const unknown = {
    role: { ...role.role, path: '/', trustPolicy: {}, permissionsBoundary: null },
    namespace: 'kube-system',
  };
  for (const spec of [{}, role, unknown]) {
    const made = desired(spec).role;
    expect(made.permissionsBoundaryArn).toBe(STRICT.guardrails.permissionsBoundaryArn);
    expect(made.path).toBe('/federated/');
    expect(JSON.parse(made.trustPolicy)).toMatchObject({
      Statement: [
        {
          Effect: 'Allow',
          Action: 'sts:AssumeRoleWithWebIdentity',
          Condition: {
            StringEquals: {
              'oidc.example.com/cluster-a:aud': 'sts.amazonaws.com',
              'oidc.example.com/cluster-a:sub': 'system:serviceaccount:analytics:reports',
            },
          },
        },
      ],
    });
    expect(parsePolicyDocument(made.trustPolicy)).not.toContain('StringLike');
  }
});
