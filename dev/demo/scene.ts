import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Stack, REGION } from '../stack/stack.ts';

// The objects of the story, as their authors write them.

export const NAMESPACE = 'analytics';
export const MAY_READ = 'quarterly-reports';
export const MAY_NOT_READ = 'payroll';
export const MANAGED_POLICY = 'arn:aws:iam::aws:policy/CloudWatchLogsFullAccess';

export const PROVIDER = `apiVersion: federatedidentity.dev/v1alpha1
kind: AwsOidcProvider
metadata:
  name: default
spec:
  accountId: "111122223333"
  region: eu-west-1
  deletionPolicy: Delete
  guardrails:
    managedPolicyArns: ["arn:aws:iam::aws:policy/CloudWatchLogs*"]
    inlinePolicies: Allow
    rolePath: /federated/
`;

export const IDENTITY = `apiVersion: federatedidentity.dev/v1alpha1
kind: AwsFederatedIdentity
metadata:
  name: reports
  namespace: ${NAMESPACE}
spec:
  serviceAccount:
    name: reports
  role:
    managedPolicyArns: [${MANAGED_POLICY}]
    inlinePolicies:
      - name: bucket
        document:
          Version: "2012-10-17"
          Statement:
            - Effect: Allow
              Action: [s3:ListBucket, s3:GetObject]
              Resource: [arn:aws:s3:::${MAY_READ}, "arn:aws:s3:::${MAY_READ}/*"]
`;

/** Asks for more than the guardrails allow. */
export const GREEDY = `apiVersion: federatedidentity.dev/v1alpha1
kind: AwsFederatedIdentity
metadata:
  name: greedy
  namespace: ${NAMESPACE}
spec:
  serviceAccount:
    name: greedy
  role:
    managedPolicyArns: [arn:aws:iam::aws:policy/AdministratorAccess]
`;

export const podOf = (serviceAccount: string): string => `apiVersion: v1
kind: Pod
metadata:
  name: ${serviceAccount}-worker
  namespace: ${NAMESPACE}
spec:
  serviceAccountName: ${serviceAccount}
  containers:
    - name: main
      image: registry.example/report-writer:1
`;

export interface WorkloadView {
  readonly caller: string;
  readonly allowed: readonly string[] | string;
  readonly forbidden: readonly string[] | string;
}

/** Runs workload.ts with the variables of an injected pod and nothing else, but the endpoint of the local AWS. */
export async function runWorkload(stack: Stack, roleArn: string, token: string): Promise<WorkloadView> {
  const folder = await mkdtemp(join(tmpdir(), 'federated-identity-demo-'));
  try {
    const tokenFile = join(folder, 'token');
    await writeFile(tokenFile, token, { mode: 0o600 });
    const script = fileURLToPath(new URL('workload.ts', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [script, MAY_READ, MAY_NOT_READ], {
      env: {
        AWS_ROLE_ARN: roleArn,
        AWS_WEB_IDENTITY_TOKEN_FILE: tokenFile,
        AWS_REGION: REGION,
        AWS_ENDPOINT_URL: stack.aws.endpoint,
        HOME: folder, // no credentials of the person who runs the demo
      },
    });
    const view: WorkloadView = JSON.parse(stdout);
    return view;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The claims of a token; the token itself is never shown. */
export function claimsOf(token: string): {
  readonly iss: string;
  readonly sub: string;
  readonly aud: readonly string[];
} {
  const [, payload = ''] = token.split('.');
  return JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
}

/** Names of the roles of the story in AWS. */
export const roleNames = ({ account }: Stack): readonly string[] =>
  account
    .roles()
    .map(({ name }) => name)
    .filter((name) => name.startsWith(NAMESPACE));
