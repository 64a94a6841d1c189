import { describe, expect, test } from 'vitest';
import { pod } from '../../../test/integration/admission-pods.ts';
import { roleArn } from '../../../test/support/builders.ts';
import { operationsOf, reviewed, reviewOf } from '../../../test/support/webhook-review.ts';
import type { Injection } from '../../kube/injection-table.ts';
import { parseReview, type ReviewOutcome } from './review.ts';

const injection: Injection = {
  roleArn: roleArn(),
  audience: 'sts.amazonaws.com',
  tokenExpirationSeconds: 600,
  region: 'eu-west-1',
};
const bound = (): Injection => injection;

describe('the answer', () => {
  test('has the uid of the request, allows the pod and carries the patch', () => {
    const { outcome, answer } = reviewed(reviewOf(pod()), bound);
    expect(outcome).toBe('injected');
    expect(answer).toEqual({
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      response: { uid: 'request-uid', allowed: true, patchType: 'JSONPatch', patch: expect.any(String) },
    });
  });

  const optOut = { annotations: { 'federatedidentity.dev/inject': 'false' } };
  const mirror = { annotations: { 'kubernetes.io/config.mirror': 'hash' } };
  const spec = { containers: [{ name: 'app' }] };
  const pods = { group: '', version: 'v1', resource: 'pods' };
  test.each<{ name: string; body: object; outcome: ReviewOutcome }>([
    {
      name: 'a dry run is injected, as nothing is written',
      body: reviewOf(pod(), { dryRun: true }),
      outcome: 'injected',
    },
    { name: 'a pod with a generated name', body: reviewOf(pod({ generateName: 'app-' })), outcome: 'injected' },
    { name: 'a pod that opted out', body: reviewOf(pod(optOut)), outcome: 'optedOut' },
    { name: 'a mirror pod', body: reviewOf(pod(mirror)), outcome: 'mirrorPod' },
    { name: 'an update', body: reviewOf(pod(), { operation: 'UPDATE' }), outcome: 'nothingToDo' },
    { name: 'a binding', body: reviewOf(pod(), { subResource: 'binding' }), outcome: 'nothingToDo' },
    {
      name: 'another resource',
      body: reviewOf({}, { resource: { ...pods, resource: 'services' } }),
      outcome: 'nothingToDo',
    },
    {
      name: 'pods of another group',
      body: reviewOf(pod(), { resource: { ...pods, group: 'metrics.k8s.io' } }),
      outcome: 'nothingToDo',
    },
    { name: 'a pod with no metadata', body: reviewOf({ spec }), outcome: 'injected' },
    {
      name: 'a pod with null where Go has no value',
      body: reviewOf({
        metadata: { annotations: null },
        spec: {
          serviceAccountName: null,
          containers: [{ name: 'app', env: null, volumeMounts: null }],
          initContainers: null,
          volumes: null,
          nodeSelector: null,
          os: null,
        },
      }),
      outcome: 'injected',
    },
    { name: 'a pod without containers', body: reviewOf({ spec: { containers: [] } }), outcome: 'injected' },
    { name: 'no pod', body: reviewOf(undefined), outcome: 'unreadablePod' },
    { name: 'a pod without a spec', body: reviewOf({ metadata: {} }), outcome: 'unreadablePod' },
    {
      name: 'a pod with text for containers',
      body: reviewOf({ spec: { containers: 'app' } }),
      outcome: 'unreadablePod',
    },
    {
      name: 'a pod of no namespace at all',
      body: reviewOf({ metadata: {}, spec }, { namespace: undefined }),
      outcome: 'unreadablePod',
    },
  ])('$name: $outcome', ({ body, outcome }) => {
    const review = reviewed(body, bound);
    expect(review.outcome).toBe(outcome);
    expect(review.answer.response.allowed).toBe(true);
    expect(operationsOf(review).length > 0).toBe(outcome === 'injected');
    expect(review.answer.response.warnings?.length ?? 0).toBe(outcome === 'unreadablePod' ? 1 : 0);
  });

  test('a pod that has everything gets no patch', () => {
    const env = ['AWS_ROLE_ARN', 'AWS_WEB_IDENTITY_TOKEN_FILE', 'AWS_REGION', 'AWS_STS_REGIONAL_ENDPOINTS'];
    const full = {
      spec: {
        volumes: [{ name: 'aws-iam-token' }],
        containers: [
          {
            name: 'app',
            env: env.map((name) => ({ name })),
            volumeMounts: [{ name: 'aws-iam-token', mountPath: '/a' }],
          },
        ],
      },
    };
    const review = reviewed(reviewOf(full), bound);
    expect(review).toMatchObject({ outcome: 'complete', answer: { response: { allowed: true } } });
    expect(review.answer.response).not.toHaveProperty('patch');
  });

  test('a pod of a ServiceAccount without a role stays as it is', () => {
    const review = reviewed(reviewOf(pod()), () => undefined);
    expect(review).toMatchObject({ outcome: 'noRole', answer: { response: { uid: 'request-uid', allowed: true } } });
    expect(operationsOf(review)).toEqual([]);
  });

  test('a failed lookup lets the pod through, says so to its author, and gives the error to the log only', () => {
    const error = new Error('the API server at 10.0.0.1 did not answer');
    const review = reviewed(reviewOf(pod()), () => {
      throw error;
    });
    expect(review).toMatchObject({ outcome: 'lookupFailed', error, answer: { response: { allowed: true } } });
    expect(review.answer.response.warnings?.join()).toMatch(/^no AWS credentials: /);
    expect(JSON.stringify(review.answer)).not.toContain('10.0.0.1');
    expect(operationsOf(review)).toEqual([]);
  });

  test('a value of the pod never stands in a warning [S15]', () => {
    const containers = [{ name: 'app', env: [{ name: { value: 'hunter2' } }] }];
    const review = reviewed(reviewOf({ spec: { containers } }), bound);
    expect(review.answer.response.warnings?.join()).toContain('spec.containers.0.env.0.name');
    expect(JSON.stringify(review.answer)).not.toContain('hunter2');
  });
});

test.each([
  { name: 'the request', metadata: { namespace: 'other' }, fields: {}, namespace: 'analytics', account: 'reports' },
  {
    name: 'the pod where the request has none',
    metadata: { namespace: 'other' },
    fields: { namespace: undefined },
    namespace: 'other',
    account: 'reports',
  },
])('looks up the ServiceAccount in the namespace of $name', ({ metadata, fields, namespace, account }) => {
  const asked: string[] = [];
  const candidate = { metadata, spec: pod().spec };
  reviewed(reviewOf(candidate, fields), (...names) => {
    asked.push(names.join('/'));
    return undefined;
  });
  expect(asked).toEqual([`${namespace}/${account}`]);
});

test.each([
  { name: 'text', body: 'hello', problem: 'expected object' },
  { name: 'nothing', body: undefined, problem: 'expected object' },
  {
    name: 'a review of another version',
    body: { ...reviewOf(pod()), apiVersion: 'admission.k8s.io/v1beta1' },
    problem: 'apiVersion',
  },
  { name: 'another kind', body: { ...reviewOf(pod()), kind: 'Pod' }, problem: 'kind' },
  { name: 'a review without a request', body: { ...reviewOf(pod()), request: undefined }, problem: 'request: ' },
  { name: 'a request without a uid', body: reviewOf(pod(), { uid: '' }), problem: 'request.uid' },
])('a body that is $name is no review', ({ body, problem }) => {
  const parsed = parseReview(body);
  expect(parsed.kind === 'invalid' && parsed.message).toContain(
    'the body is no AdmissionReview of admission.k8s.io/v1: ',
  );
  expect(parsed.kind === 'invalid' && parsed.message).toContain(problem);
});

describe('a ServiceAccount', () => {
  const ROLE_ARN = 'eks.amazonaws.com/role-arn';
  const LABEL = 'federatedidentity.dev/injection';
  const ADD_PENDING = { op: 'add', path: '/metadata/labels/federatedidentity.dev~1injection', value: 'pending' };
  const ADD_BOUND = { ...ADD_PENDING, value: 'bound' };
  const REMOVE = { op: 'remove', path: ADD_PENDING.path };
  const ADD_LABELS = { op: 'add', path: '/metadata/labels', value: {} };
  const serviceAccounts = { group: '', version: 'v1', resource: 'serviceaccounts' };
  const account = (annotations?: object | null, labels?: object | null): object => ({
    metadata: { name: 'app', annotations, labels },
  });
  const withRole = { [ROLE_ARN]: roleArn() };
  const reviewOfAccount = (now: object, before: object | null = null): object =>
    reviewOf(now, { resource: serviceAccounts, operation: before === null ? 'CREATE' : 'UPDATE', oldObject: before });

  test.each<{ name: string; now: object; before?: object; expected: readonly object[] }>([
    { name: 'that is new with a role', now: account(withRole), expected: [ADD_LABELS, ADD_PENDING] },
    { name: 'with a role and other labels', now: account(withRole, { a: 'b' }), expected: [ADD_PENDING] },
    { name: 'new and said to be bound', now: account(withRole, { [LABEL]: 'bound' }), expected: [ADD_PENDING] },
    { name: 'without a role', now: account(null, null), expected: [] },
    { name: 'with an empty role', now: account({ [ROLE_ARN]: '' }), expected: [] },
    { name: 'without a role and said to be bound', now: account({}, { [LABEL]: 'bound' }), expected: [REMOVE] },
    {
      name: 'whose role changes',
      before: account(withRole, { [LABEL]: 'bound' }),
      now: account({ [ROLE_ARN]: roleArn('other') }, { [LABEL]: 'bound' }),
      expected: [ADD_PENDING],
    },
    {
      name: 'whose region is new',
      before: account(withRole, { [LABEL]: 'bound' }),
      now: account({ ...withRole, 'federatedidentity.dev/region': 'eu-west-1' }, { [LABEL]: 'bound' }),
      expected: [ADD_PENDING],
    },
    {
      name: 'that is pending and said to be bound',
      before: account(withRole, { [LABEL]: 'pending' }),
      now: account(withRole, { [LABEL]: 'bound' }),
      expected: [ADD_PENDING],
    },
    {
      name: 'whose label goes',
      before: account(withRole, { [LABEL]: 'bound' }),
      now: account(withRole),
      expected: [ADD_LABELS, ADD_BOUND],
    },
    {
      name: 'that was annotated before the installation',
      before: account(withRole),
      now: account({ ...withRole, other: 'x' }),
      expected: [],
    },
    {
      name: 'whose role goes',
      before: account(withRole, { [LABEL]: 'bound' }),
      now: account({}, { [LABEL]: 'bound' }),
      expected: [REMOVE],
    },
  ])('$name', ({ now, before, expected }) => {
    const review = reviewed(reviewOfAccount(now, before), bound);
    expect(operationsOf(review)).toEqual(expected);
    expect(review.outcome).toBe(expected.length === 0 ? 'nothingToDo' : 'marked');
  });

  test('that can not be read is refused, as it would not be marked', () => {
    const review = reviewed(reviewOfAccount({ metadata: { annotations: { [ROLE_ARN]: 1 } } }), bound);
    expect(review).toMatchObject({
      outcome: 'unreadableServiceAccount',
      answer: { response: { allowed: false, status: { code: 422 } } },
    });
    expect(review.answer.response.status?.message).toContain(`object.metadata.annotations.${ROLE_ARN}`);
  });

  test('that is deleted is none of the webhook', () => {
    const review = reviewOf(account(withRole), { resource: serviceAccounts, operation: 'DELETE' });
    expect(reviewed(review, bound).outcome).toBe('nothingToDo');
  });
});
