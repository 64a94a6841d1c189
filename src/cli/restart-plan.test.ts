import { describe, expect, test } from 'vitest';
import { roleArn } from '../../test/support/builders.ts';
import type { Pod } from '../kube/pods.ts';
import type { KubernetesResource, OwnerReference } from '../kube/resource.ts';
import { CliError } from './failures.ts';
import { assumedForm, type FormOptions } from './injection-form.ts';
import { commandOf, exitCodeOfRestart, planRestart, type RestartPlan, type RestartScope } from './restart-plan.ts';
import { restartJson, restartText } from './restart-text.ts';

const namespace = 'analytics';
const ROLE = roleArn();

const owner = (apiVersion: string, kind: string, name: string): OwnerReference => ({
  apiVersion,
  kind,
  name,
  uid: `uid-${name}`,
  controller: true,
});

const owned = (by: OwnerReference | undefined, fields: object = {}): KubernetesResource => ({
  metadata: { namespace, ...(by === undefined ? {} : { ownerReferences: [by] }) },
  ...fields,
});

/** What is in the namespace, by kind and name. */
const WORKLOADS: Readonly<Record<string, KubernetesResource>> = {
  'ReplicaSet/web-1': owned(owner('apps/v1', 'Deployment', 'web')),
  'ReplicaSet/paused-1': owned(owner('apps/v1', 'Deployment', 'paused')),
  'ReplicaSet/gone-1': owned(owner('apps/v1', 'Deployment', 'gone')),
  'ReplicaSet/canary-1': owned(owner('argoproj.io/v1alpha1', 'Rollout', 'canary')),
  'ReplicaSet/alone': owned(undefined),
  'Deployment/web': owned(undefined),
  'Deployment/paused': owned(undefined, { spec: { paused: true } }),
  'StatefulSet/db': owned(undefined),
  'StatefulSet/by-hand': owned(undefined, { spec: { updateStrategy: { type: 'OnDelete' } } }),
  'DaemonSet/agent': owned(undefined),
  'Job/once': owned(undefined),
  'Job/nightly-1': owned(owner('batch/v1', 'CronJob', 'nightly')),
};

const injectedContainer = (role: string) => ({
  name: 'main',
  env: [{ name: 'AWS_ROLE_ARN', value: role }, { name: 'AWS_WEB_IDENTITY_TOKEN_FILE' }],
  volumeMounts: [{ name: 'aws-iam-token', mountPath: '/token' }],
});
const volumes = [{ name: 'aws-iam-token', projected: { sources: [{ serviceAccountToken: {} }] } }];

/** A bare pod, or one with a role. */
const pod = (name: string, by?: OwnerReference, role?: string): Pod => ({
  metadata: { namespace, name, ...(by === undefined ? {} : { ownerReferences: [by] }) },
  spec: {
    serviceAccountName: 'reports',
    volumes,
    containers: [role === undefined ? { name: 'main' } : injectedContainer(role)],
  },
});

async function plan(pods: readonly Pod[], which: RestartScope['which'] = 'stale', form: FormOptions = {}) {
  const asked: string[] = [];
  const names = { namespace, identity: 'reports', serviceAccount: 'reports' };
  const scope: RestartScope = { ...names, roleArn: ROLE, which, form: assumedForm(form) };
  const pages = async function* () {
    for (const one of pods) yield [one];
  };
  const planned = await planRestart(scope, pages(), async <T>(type: { kind: string }, { name }: { name: string }) => {
    asked.push(`${type.kind}/${name}`);
    return WORKLOADS[`${type.kind}/${name}`] as T | undefined;
  });
  return { ...planned, asked };
}

const web = owner('apps/v1', 'ReplicaSet', 'web-1');
const show = { mode: 'show', context: undefined } as const;

describe('the owner of a bare pod', () => {
  test.each([
    { by: web, command: 'kubectl rollout restart deployment/web -n analytics # p' },
    { by: owner('apps/v1', 'StatefulSet', 'db'), command: 'kubectl rollout restart statefulset/db -n analytics # p' },
    { by: owner('apps/v1', 'DaemonSet', 'agent'), command: 'kubectl rollout restart daemonset/agent -n analytics # p' },
  ])('$by.kind $by.name is restarted', async ({ by, command }) => {
    const { asked: _, ...planned } = await plan([pod('p', by)]);
    expect(restartText(planned, show).split('\n')[1]).toBe(command);
    expect([exitCodeOfRestart(planned, 'show'), exitCodeOfRestart(planned, 'apply')]).toEqual([2, 0]);
  });

  test.each([
    { by: undefined, says: 'no owner (p): delete the pod, and create it again' },
    { by: owner('apps/v1', 'ReplicaSet', 'alone'), says: 'ReplicaSet alone (p): delete its pods' },
    {
      by: owner('apps/v1', 'ReplicaSet', 'paused-1'),
      says: 'Deployment paused (p): it is paused: run kubectl rollout resume',
    },
    { by: owner('apps/v1', 'ReplicaSet', 'gone-1'), says: 'Deployment gone (p): nothing: it is gone' },
    { by: owner('apps/v1', 'ReplicaSet', 'canary-1'), says: 'Rollout canary (p): restart it in its own way' },
    { by: owner('apps/v1', 'StatefulSet', 'by-hand'), says: 'StatefulSet by-hand (p): delete its pods' },
    { by: owner('v1', 'ReplicationController', 'old'), says: 'ReplicationController old (p): delete its pods' },
    { by: owner('batch/v1', 'Job', 'once'), says: 'Job once (p): let it end, or delete it' },
    { by: owner('batch/v1', 'Job', 'nightly-1'), says: 'CronJob nightly (p): nothing: the pods of its next run' },
    {
      by: owner('ray.io/v1', 'RayCluster', 'x\nkubectl'),
      says: String.raw`RayCluster x\u000akubectl (p): restart it in`,
    },
  ])('$by.kind $by.name is left to a person: $says', async ({ by, says }) => {
    const { asked: _, ...planned } = await plan([pod('p', by)]);
    expect(restartText(planned, show)).toContain(`\n# by hand: ${says}`);
    expect([exitCodeOfRestart(planned, 'show'), exitCodeOfRestart(planned, 'apply')]).toEqual([3, 3]);
  });
});

describe('which pods', () => {
  const pods = [pod('bare', web), pod('fine', web, ROLE), pod('old', web, roleArn('old'))];
  const other: Pod = { ...pod('other', web), spec: { serviceAccountName: 'other', containers: [] } };

  test('--stale takes those without the role or with another, and asks for each owner once', async () => {
    const { asked, ...planned } = await plan([...pods, other]);
    expect(restartText(planned, show))
      .toBe(`# 3 running pods of ServiceAccount analytics/reports: 2 to restart (1 not injected, 1 with another role)
kubectl rollout restart deployment/web -n analytics # bare, old
`);
    expect(asked).toEqual(['ReplicaSet/web-1', 'Deployment/web']);
  });

  test('without it all of the ServiceAccount are taken', async () => {
    const { restarts } = await plan(pods, 'all');
    expect(restarts.flatMap((restart) => restart.pods.map(({ name }) => name))).toEqual(['bare', 'fine', 'old']);
  });

  const skipping: Pod = {
    ...pod('skipping', web),
    metadata: { ...pod('skipping', web).metadata, annotations: { 'acme.io/skip-containers': 'main' } },
  };

  test('one of which only the settings of the operator tell is not guessed', async () => {
    const guess = plan([skipping]);
    await expect(guess).rejects.toThrow(CliError);
    await expect(guess).rejects.toThrow('Say by --annotation-prefix how it runs');
    expect((await plan([skipping], 'stale', { annotationPrefix: 'acme.io' })).restarts).toEqual([]);
    expect((await plan([skipping], 'stale', { annotationPrefix: 'eks.amazonaws.com' })).restarts).toHaveLength(1);
    expect((await plan([skipping], 'all')).restarts).toHaveLength(1);
  });

  test('none is no work', async () => {
    const { asked: _, ...planned } = await plan([pod('fine', web, ROLE)]);
    expect(restartText(planned, show)).toBe(
      '# 1 running pod of ServiceAccount analytics/reports: none needs a restart\n',
    );
    expect(exitCodeOfRestart(planned, 'show')).toBe(0);
  });
});

test('what was done is said instead of the command', async () => {
  const { asked: _, ...planned } = await plan([pod('p', web)]);
  expect(restartText(planned, { ...show, mode: 'apply' })).toContain('# restarted: Deployment web (p)\n');
});

test('JSON has the same keys for every owner', async () => {
  const { asked: _, ...planned } = await plan([pod('p', web), pod('q')]);
  const { restarts, ...rest }: RestartPlan = JSON.parse(restartJson(planned, show));
  expect(rest).toEqual({ namespace, identity: 'reports', serviceAccount: 'reports', roleArn: ROLE, total: 2 });
  const command = 'kubectl rollout restart deployment/web -n analytics';
  expect(restarts).toEqual([
    {
      owner: 'Deployment web',
      command,
      advice: null,
      restarted: false,
      pods: [{ name: 'p', injection: 'notInjected' }],
    },
    { owner: 'no owner', command: null, advice: expect.any(String), restarted: false, pods: expect.any(Array) },
  ]);
});

test('the context is one word of the shell', () => {
  const type = { apiVersion: 'apps/v1', kind: 'Deployment', plural: 'deployments', namespaced: true };
  const command = (context: string): string => commandOf({ type, name: 'web' }, { namespace, context });
  expect(command('arn:aws:eks:x:1:cluster/a')).toMatch(/ --context arn:aws:eks:x:1:cluster\/a$/);
  expect(command("my 'own'")).toMatch(/ --context 'my '\\''own'\\'''$/);
});
