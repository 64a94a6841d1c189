import { describe, expect, test } from 'vitest';
import { roleArn } from '../../../test/support/builders.ts';
import { defaultAdmissionOptions } from '../../admission/options.ts';
import type { Pod, PodContainer } from '../../kube/pods.ts';
import { judgePod } from './judge.ts';

const ROLE = roleArn();
const OLD_ROLE = roleArn('old');
const MOUNT = { name: 'aws-iam-token', mountPath: defaultAdmissionOptions.mountPath };
const FILE = { name: 'AWS_WEB_IDENTITY_TOKEN_FILE', value: '/token' };

const container = (role: string | undefined = ROLE, fields: Partial<PodContainer> = {}): PodContainer => ({
  name: 'main',
  env: [{ name: 'AWS_ROLE_ARN', ...(role === undefined ? {} : { value: role }) }, FILE],
  volumeMounts: [MOUNT],
  ...fields,
});
const bare: PodContainer = { name: 'bare' };
const TOKEN = { name: 'aws-iam-token', projected: { sources: [{ serviceAccountToken: {} }] } };

const pod = (spec: Partial<Pod['spec']> = {}, metadata: Pod['metadata'] = {}): Pod => ({
  metadata: { namespace: 'analytics', name: 'web', ...metadata },
  spec: { volumes: [TOKEN], containers: [container()], ...spec },
});

const judge = (one: Pod) => judgePod(one, ROLE, defaultAdmissionOptions);

describe('a pod', () => {
  test.each([
    { name: 'that was injected', one: pod() },
    {
      name: 'with a token of its own at the place',
      one: pod({ containers: [container(ROLE, { volumeMounts: [{ ...MOUNT, name: 'own' }] })] }),
    },
    { name: 'whose role comes from elsewhere', one: pod({ containers: [container(undefined)] }) },
    { name: 'that does federation by hand', one: pod({ volumes: [], containers: [container(OLD_ROLE)] }) },
    {
      name: 'of which one container has a role of its own',
      one: pod({ containers: [container(OLD_ROLE), container()] }),
    },
    {
      name: 'whose bare container is skipped',
      one: pod(
        { containers: [container(), bare] },
        { annotations: { 'eks.amazonaws.com/skip-containers': 'x, bare' } },
      ),
    },
  ])('$name is injected', ({ one }) => {
    expect(judge(one)).toEqual({ injection: { kind: 'injected' }, override: undefined });
  });

  test.each([
    { name: 'nothing at all', lacking: bare },
    { name: 'no role', lacking: container(ROLE, { name: 'bare', env: [FILE] }) },
    { name: 'no token file', lacking: container(ROLE, { name: 'bare', env: [{ name: 'AWS_ROLE_ARN', value: ROLE }] }) },
    { name: 'no mount', lacking: container(ROLE, { name: 'bare', volumeMounts: [] }) },
  ])('of which a container has $name is not injected', ({ lacking }) => {
    const expected = { injection: { kind: 'notInjected', container: 'bare' } };
    expect(judge(pod({ containers: [container(), lacking] }))).toMatchObject(expected);
    expect(judge(pod({ initContainers: [lacking] }))).toMatchObject(expected);
  });

  test('with the token and another role is stale', () => {
    const injection = { kind: 'stale', roleArn: OLD_ROLE };
    expect(judge(pod({ containers: [container(OLD_ROLE)] }))).toMatchObject({ injection });
  });

  test.each([
    { name: 'opted out', metadata: { annotations: { 'federatedidentity.dev/inject': 'false' } } },
    { name: 'is a mirror pod', metadata: { annotations: { 'kubernetes.io/config.mirror': 'x' } } },
    { name: 'is about to go', metadata: { deletionTimestamp: '2026-03-01T12:00:00Z' } },
  ])('that $name is not counted', ({ metadata }) => {
    expect(judge(pod({ containers: [bare] }, metadata))).toBeUndefined();
  });

  test.each(['AWS_ACCESS_KEY_ID', 'AWS_PROFILE'])('with %s prefers that to its role', (variable) => {
    const env = [...(container().env ?? []), { name: variable }];
    const override = { container: 'main', variable };
    expect(judge(pod({ containers: [container(ROLE, { env })] }))).toEqual({
      injection: { kind: 'injected' },
      override,
    });
  });
});
