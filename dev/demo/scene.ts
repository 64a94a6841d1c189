import type { Stack } from '../stack/stack.ts';

// The objects of the story, as their authors write them.

export const NAMESPACE = 'analytics';
export const MAY_READ = 'quarterly-reports';
export const MAY_NOT_READ = 'payroll';
export const OBJECT = 'q3.csv';
export const MANAGED_POLICY = 'arn:aws:iam::aws:policy/CloudWatchLogsFullAccess';
export const ADMINISTRATOR = 'arn:aws:iam::aws:policy/AdministratorAccess';
export const THEIR_ROLE = 'billing-export';

export const PROVIDER = `apiVersion: federatedidentity.dev/v1alpha1
kind: AwsOidcProvider
metadata:
  name: default
spec:
  accountId: "111122223333"
  region: eu-west-1
  deletionPolicy: Delete
  guardrails:                        # what teams may ask for
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
    managedPolicyArns: [${ADMINISTRATOR}]
`;

/** Names a role that somebody else made. */
export const TAKEOVER = `apiVersion: federatedidentity.dev/v1alpha1
kind: AwsFederatedIdentity
metadata:
  name: takeover
  namespace: ${NAMESPACE}
spec:
  serviceAccount:
    name: takeover
  role:
    name: ${THEIR_ROLE}
`;

/** A pod that the restricted Pod Security Standard admits, without a word about AWS. */
export const podOf = (serviceAccount: string): string => `apiVersion: v1
kind: Pod
metadata:
  name: ${serviceAccount}-worker
  namespace: ${NAMESPACE}
spec:
  serviceAccountName: ${serviceAccount}
  securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: main
      image: registry.example/report-writer:1
      securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
`;

/** What the account holds before the story: two buckets. */
export function fillAccount({ account }: Stack): void {
  account.createBucket(MAY_READ);
  account.putObject(MAY_READ, OBJECT, 'revenue,42');
  account.createBucket(MAY_NOT_READ);
  account.putObject(MAY_NOT_READ, 'salaries.csv', 'not for you');
}
