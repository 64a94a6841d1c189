import { expect, test } from 'vitest';
import { identity, NOW, provider } from '../../test/support/builders.ts';
import { inMemoryKubernetes } from '../../test/support/in-memory-kubernetes.ts';
import { ApiError } from '../kube/errors.ts';
import { type AwsFederatedIdentity, IDENTITIES, PROVIDERS } from '../kube/kinds.ts';
import {
  answerTo,
  type MarkDependencies,
  type ObjectPatch,
  requestReconcile,
  setSuspend,
  targetOf,
} from './mark-object.ts';

function scene(subject: AwsFederatedIdentity = identity(), overrides: Partial<MarkDependencies> = {}) {
  const kubernetes = inMemoryKubernetes();
  kubernetes.put(IDENTITIES, subject);
  kubernetes.put(PROVIDERS, provider());
  const patches: ObjectPatch[] = [];
  let time = NOW.getTime();
  const dependencies: MarkDependencies = {
    cluster: { kubernetes: kubernetes.client, server: 'https://cluster.example', namespace: 'analytics' },
    patch: async (_type, _name, patch) => void patches.push(patch),
    now: () => new Date(time),
    sleep: async (ms) => void (time += ms),
    signal: new AbortController().signal,
    ...overrides,
  };
  return { dependencies, patches };
}

const target = targetOf('reports', 'analytics');
const AT = NOW.toISOString();

test.each(['reports', 'provider/default'])('a request for %s is an annotation with milliseconds', async (argument) => {
  const { dependencies, patches } = scene();
  expect(await requestReconcile(dependencies, targetOf(argument, 'analytics'))).toBe('2026-03-01T12:00:00.000Z');
  expect(patches).toEqual([{ annotations: { 'federatedidentity.dev/requestedAt': AT } }]);
});

test('an answer ends the wait; without one it ends after 30 s and says so', async () => {
  const answered = identity({ status: { lastHandledReconcileAt: AT } });
  expect(await answerTo(scene(answered).dependencies, target, AT)).toMatch(/^not Ready: Pending/);
  const { dependencies } = scene();
  await expect(answerTo(dependencies, target, AT)).rejects.toThrow('no answer to the request within 30 s');
  expect(dependencies.now().getTime() - NOW.getTime()).toBe(30_000);
});

test('suspend and resume write only a change', async () => {
  const { dependencies, patches } = scene();
  expect(await setSuspend(dependencies, target, false)).toBe(false);
  expect(await setSuspend(dependencies, target, true)).toBe(true);
  expect(patches).toEqual([{ spec: { suspend: true } }]);
});

test.each([
  { name: 'an unknown identity', argument: 'nobody', says: 'there is no AwsFederatedIdentity "nobody" in namespace' },
  { name: 'a provider', argument: 'provider/default', says: 'only an AwsFederatedIdentity can be suspended' },
])('$name cannot be suspended', async ({ argument, says }) => {
  const { dependencies } = scene();
  await expect(setSuspend(dependencies, targetOf(argument, 'analytics'), true)).rejects.toThrow(says);
});

test('a suspended identity would not answer, and a missing right is named', async () => {
  const suspended = scene(identity({ spec: { suspend: true } }));
  await expect(requestReconcile(suspended.dependencies, target)).rejects.toThrow('aws-identity resume reports');
  const denied = scene(identity(), { patch: () => Promise.reject(new ApiError(403, 'Forbidden', 'no')) });
  await expect(requestReconcile(denied.dependencies, target)).rejects.toThrow('right to patch awsfederatedidentities');
});
