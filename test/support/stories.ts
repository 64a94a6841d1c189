import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect } from 'vitest';
import type { Call } from '../../dev/aws/calls.ts';
import { ACCOUNT, REGION, type Stack, type StackOptions, startStack } from '../../dev/stack/stack.ts';
import type { Condition } from '../../src/crds/condition.ts';
import { expectGoodStatus } from './kstatus.ts';

/** A stack for all tests of a file; resync is short, so that drift is seen within the patience of a test. */
export function useStack(options: StackOptions = {}): () => Stack {
  let stack: Stack | undefined;
  beforeAll(async () => {
    stack = await startStack({
      ...options,
      environment: { RESYNC_INTERVAL: '4', LOG_LEVEL: 'debug', ...options.environment },
    });
  });
  afterAll(() => stack?.[Symbol.asyncDispose]());
  return () => {
    if (stack === undefined) throw new Error('the stack has not started');
    return stack;
  };
}

/** An AwsOidcProvider as a platform team writes it; its guardrails allow what the stories need. */
export const provider = (spec: object = {}, name = 'default'): object => ({
  apiVersion: 'federatedidentity.dev/v1alpha1',
  kind: 'AwsOidcProvider',
  metadata: { name },
  spec: {
    accountId: ACCOUNT,
    region: REGION,
    guardrails: {
      managedPolicyArns: ['arn:aws:iam::aws:policy/Amazon*'],
      inlinePolicies: 'Allow',
      rolePath: '/federated/',
    },
    ...spec,
  },
});

export const S3_READ = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';
export const SQS_READ = 'arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess';

/** An AwsFederatedIdentity named `app` for the ServiceAccount `app`, unless told otherwise. */
export const identity = (namespace: string, spec: object = {}, name = 'app'): object => ({
  apiVersion: 'federatedidentity.dev/v1alpha1',
  kind: 'AwsFederatedIdentity',
  metadata: { name, namespace },
  spec: { serviceAccount: { name }, ...spec },
});

/** A pod that the restricted Pod Security Standard admits. */
export const pod = (namespace: string, serviceAccountName: string, name = 'workload'): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace },
  spec: { serviceAccountName, containers: [{ name: 'main', image: 'registry.example/workload:1' }] },
});

/** A new namespace; its name is unique, so that tests do not meet. */
export async function newNamespace({ kubectl }: Stack): Promise<string> {
  const name = `team-${randomUUID().slice(0, 8)}`;
  await kubectl(['create', 'namespace', name]);
  return name;
}

export interface StatusObject {
  readonly apiVersion?: string;
  readonly metadata: {
    readonly generation: number;
    readonly labels?: Readonly<Record<string, string>>;
    readonly finalizers?: readonly string[];
  };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly lastHandledReconcileAt?: string;
    readonly roleArn?: string;
    readonly roleId?: string;
    readonly drift?: readonly { readonly path: string; readonly want: string; readonly have: string }[];
    readonly conditions?: readonly Condition[];
  };
}

/** Reads an object; the status of one of ours must obey kstatus, whatever the test is about. */
export async function read<T = StatusObject>({ kubectl }: Stack, ...what: readonly string[]): Promise<T> {
  const object: T & StatusObject = JSON.parse(await kubectl(['get', ...what, '-o', 'json']));
  if (object.apiVersion?.startsWith('federatedidentity.dev/') === true) expectGoodStatus(object);
  return object;
}

export const conditionOf = (object: StatusObject, type: string): Condition | undefined =>
  object.status?.conditions?.find((condition) => condition.type === type);

/** Waits until a condition has a reason; resolves with the object. `what` is as for `kubectl get`. */
export async function untilReason(
  stack: Stack,
  what: readonly string[],
  type: string,
  reason: string,
): Promise<StatusObject> {
  await expect
    .poll(async () => conditionOf(await read(stack, ...what), type)?.reason, { timeout: 30_000, interval: 100 })
    .toBe(reason);
  return read(stack, ...what);
}

/** Waits as a user does. */
export async function untilReady({ kubectl }: Stack, what: string, namespace?: string): Promise<void> {
  await kubectl([
    'wait',
    what,
    '--for=condition=Ready',
    '--timeout=30s',
    ...(namespace === undefined ? [] : ['-n', namespace]),
  ]);
}

/** Calls to AWS that the operator made after a mark. */
export const operatorCalls = ({ aws }: Stack, mark: number): readonly Call[] =>
  aws.calls.since(mark).filter(({ principal }) => principal.endsWith(':user/federated-identity-operator'));

/** Writes of the operator that came to the API server after a moment, Lease renewals aside, as `verb resource`. */
export async function operatorApiWrites({ cluster }: Stack, since: Date): Promise<readonly string[]> {
  interface AuditEvent {
    readonly stage: string;
    readonly verb: string;
    readonly requestReceivedTimestamp: string;
    readonly user: { readonly username: string };
    readonly objectRef?: { readonly resource: string; readonly subresource?: string };
  }
  const lines = (await readFile(cluster.auditLog, 'utf8')).split('\n').filter((line) => line !== '');
  return lines
    .map((line) => JSON.parse(line) as AuditEvent)
    .filter(
      ({ stage, user, requestReceivedTimestamp }) =>
        stage === 'ResponseComplete' &&
        user.username.endsWith(':federated-identity-operator') &&
        new Date(requestReceivedTimestamp) > since,
    )
    .filter(({ verb, objectRef }) => !['get', 'list', 'watch'].includes(verb) && objectRef?.resource !== 'leases')
    .map(
      ({ verb, objectRef }) =>
        `${verb} ${objectRef?.resource}${objectRef?.subresource === undefined ? '' : `/${objectRef.subresource}`}`,
    );
}
