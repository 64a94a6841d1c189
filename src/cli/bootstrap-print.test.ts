import { execFileSync, spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { providerSpec } from '../../test/support/builders.ts';
import { IssuerUrl, Partition } from '../iam/arn.ts';
import { awsCliOf } from './bootstrap-aws-cli.ts';
import { cloudFormationOf } from './bootstrap-cloudformation.ts';
import { type BootstrapDesign, bootstrapDesign } from './bootstrap-design.ts';
import { nextStep } from './bootstrap-text.ts';
import { terraformOf } from './bootstrap-terraform.ts';
import { shellWord } from './shell-word.ts';

// Names that a careless printer trips over; IAM takes all of them.
const ODD_PATH = '/it\'s/"$HOME"/${x}/%{if}/`id`/*/';
const ODD_ISSUER = IssuerUrl.parse("https://oidc.example.com/it's/${x}/");

const design = (spec: object = {}): BootstrapDesign =>
  bootstrapDesign({
    facts: {
      name: 'default',
      uid: 'provider-uid',
      spec: providerSpec({ guardrails: { inlinePolicies: 'Allow', managedPolicyArns: ['*'] }, ...spec }),
      issuer: ODD_ISSUER,
      cluster: 'cluster-uid',
      partition: Partition.parse('aws'),
    },
    options: {
      namespace: 'federated-identity-system',
      serviceAccount: 'federated-identity-operator',
      roleName: 'operator+=,.@-_',
      rolePath: ODD_PATH,
    },
    permissionsBoundaryArn: undefined,
  });

const whole = { withOidcProvider: true };
const documentsOf = ({ role }: BootstrapDesign): readonly unknown[] =>
  [role.trustPolicy, ...role.inlinePolicies.values()].map((document) => JSON.parse(document) as unknown);

const TERRAFORM: string = 'terraform';
const hasTerraform = spawnSync(TERRAFORM, ['version']).status === 0;
if (!hasTerraform) console.log('terraform fmt is not asked: there is no terraform');

describe('terraform', () => {
  const text = terraformOf(design({ thumbprints: ['a'.repeat(40)] }), whole);

  test.skipIf(!hasTerraform)('is HCL, and laid out as terraform fmt does it', () => {
    expect(execFileSync(TERRAFORM, ['fmt', '-'], { input: text, encoding: 'utf8', stdio: 'pipe' })).toBe(text);
  });

  test('holds the very documents, with no template in them', () => {
    const documents = [...text.matchAll(/jsonencode\((\{.*?\n {2}\})\)/gs)].map(([, json = '']) => {
      expect(json).not.toMatch(/(?<![$%])[$%]\{/);
      return JSON.parse(json.replaceAll(/([$%])\1\{/g, '$1{')) as unknown;
    });
    expect(documents).toEqual(documentsOf(design()));
  });

  test('leaves the OIDC provider out on demand', () => {
    expect(text).toContain('resource "aws_iam_openid_connect_provider"');
    expect(terraformOf(design(), { withOidcProvider: false })).not.toContain('aws_iam_openid_connect_provider');
  });
});

test('the CloudFormation template holds the very documents, names and tags', () => {
  const { Resources } = JSON.parse(cloudFormationOf(design(), whole));
  const { Properties } = Resources.OperatorRole;
  expect([Properties.AssumeRolePolicyDocument, Properties.Policies[0].PolicyDocument]).toEqual(documentsOf(design()));
  expect(Properties).toMatchObject({ RoleName: 'operator+=,.@-_', Path: ODD_PATH });
  expect(Resources.OidcProvider.Properties).toMatchObject({
    Url: ODD_ISSUER,
    ClientIdList: ['sts.amazonaws.com'],
    Tags: expect.arrayContaining([{ Key: 'federatedidentity.dev/uid', Value: 'provider-uid' }]),
  });
  const { Resources: fewer } = JSON.parse(cloudFormationOf(design(), { withOidcProvider: false }));
  expect(Object.keys(fewer)).toEqual(['OperatorRole']);
});

describe('the script', () => {
  /** Runs it with an `aws` that tells its arguments; the role is absent, the OIDC provider too. */
  const callsOf = (script: string): readonly (readonly string[])[] => {
    const fake = `aws() {
  case "$2" in
    get-caller-identity) echo 111122223333 ;;
    list-open-id-connect-providers) echo arn:aws:iam::111122223333:oidc-provider/oidc.example.com ;;
    get-role) return 254 ;;
    *) printf '%s\\0' "$@" CALL-ENDS ;;
  esac
}
`;
    const stdout = execFileSync('bash', ['-c', `${fake}${script}`], { encoding: 'utf8' });
    const words = stdout.split('\0');
    return words
      .join('\0')
      .split('CALL-ENDS\0')
      .map((call) => call.split('\0').slice(0, -1))
      .filter((call) => call.length > 0);
  };

  test('is what bash -n takes', () => {
    expect(spawnSync('bash', ['-n'], { input: awsCliOf(design(), whole), encoding: 'utf8' })).toMatchObject({
      status: 0,
      stderr: '',
    });
  });

  test('gives every name and document to the aws CLI as it is', () => {
    const { role, provider } = design();
    const calls = callsOf(awsCliOf(design({ thumbprints: ['a'.repeat(40)] }), whole));
    expect(calls.map(([, operation]) => operation)).toEqual([
      'create-open-id-connect-provider',
      'create-role',
      'put-role-policy',
    ]);
    const option = (index: number, name: string): string => {
      const call = calls[index] ?? [];
      return call[call.indexOf(`--${name}`) + 1] ?? '';
    };
    expect(option(0, 'url')).toBe(provider.issuer);
    expect(option(1, 'path')).toBe(ODD_PATH);
    expect(option(1, 'role-name')).toBe(role.name);
    expect(
      [option(1, 'assume-role-policy-document'), option(2, 'policy-document')].map((json) => JSON.parse(json)),
    ).toEqual(documentsOf(design()));
    expect(JSON.parse(option(1, 'tags'))).toContainEqual({
      Key: 'federatedidentity.dev/cluster',
      Value: 'cluster-uid',
    });
  });

  test('stops before the first write with credentials of another account', () => {
    const script = awsCliOf(design(), whole);
    const { status, stderr, stdout } = spawnSync('bash', ['-c', `aws() { echo 999999999999; }\n${script}`], {
      encoding: 'utf8',
    });
    expect({ status, stdout, stderr }).toEqual({
      status: 1,
      stdout: '',
      stderr: 'your AWS credentials belong to account 999999999999, and not to 111122223333\n',
    });
  });
});

test("while the issuer changes, the operator's own role trusts the other one too", () => {
  const alsoTrusted = ['https://former.example.com'];
  const { Statement } = JSON.parse(design({ issuer: { alsoTrusted } }).role.trustPolicy) as { Statement: object[] };
  expect(Statement).toEqual([
    JSON.parse(design().role.trustPolicy).Statement[0],
    expect.objectContaining({
      Principal: { Federated: 'arn:aws:iam::111122223333:oidc-provider/former.example.com' },
    }),
  ]);
});

test('the next step names the role, and another audience where there is one', () => {
  expect(nextStep(design())).toContain(`AWS_ROLE_ARN=arn:aws:iam::111122223333:role`);
  expect(nextStep(design())).not.toContain('serviceAccountToken');
  expect(nextStep(design({ clientIds: ['other'] }))).toContain('value: "other"');
});

test.each(['plain', "it's", '', '$(id)', 'a\nb', '\\', '"'])('%j is one word of a shell', (text) => {
  expect(execFileSync('bash', ['-c', `printf %s ${shellWord(text)}`], { encoding: 'utf8' })).toBe(text);
});
