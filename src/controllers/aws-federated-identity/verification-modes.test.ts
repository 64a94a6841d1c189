import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { condition, NOW, provider } from '../../../test/support/builders.ts';
import { identityScene } from '../../../test/support/identity-scene.ts';
import type { Dependencies } from './dependencies.ts';

beforeEach(() => void vi.useFakeTimers({ now: NOW }));
afterEach(() => void vi.useRealTimers());

const PROVEN = [condition(), condition({ type: 'FederationVerified' })];

function sceneWith(verification: Dependencies['settings']['verification'], conditions = PROVEN) {
  const { settings } = identityScene().dependencies;
  const dependencies = { settings: { ...settings, verification } };
  const scene = identityScene({ provider: provider({ status: { conditions } }), dependencies });
  const conditionOf = (type: string) => scene.stored()?.status?.conditions?.find((one) => one.type === type);
  return { ...scene, conditionOf };
}

test('token: a token of the ServiceAccount is exchanged, and Ready rests on it', async () => {
  const { reconcile, exchanged, conditionOf } = sceneWith('token');
  await reconcile();
  expect(exchanged).toHaveLength(1);
  expect(conditionOf('Ready')?.message).toBe('Pods of the ServiceAccount get credentials of the role.');
});

test('provider: no token of the ServiceAccount is minted, and the conditions say so', async () => {
  const { reconcile, exchanged, conditionOf, stored } = sceneWith('provider');
  await reconcile();
  expect(exchanged).toEqual([]);
  for (const type of ['FederationVerified', 'Ready']) {
    expect(conditionOf(type)).toMatchObject({
      status: 'True',
      message: expect.stringContaining('(--verification=provider)'),
    });
  }
  expect(stored()?.status?.lastVerifiedTime).toBeUndefined();
});

test('provider: not ready before the provider is proven', async () => {
  const { failure, conditionOf } = sceneWith('provider', [condition()]);
  expect(await failure()).toMatchObject({ reason: 'ProviderNotReady' });
  expect(conditionOf('Ready')).toMatchObject({ status: 'False', reason: 'ProviderNotReady' });
});

test('provider, then token: after the restart a token is exchanged at the first look', async () => {
  const { settings } = identityScene().dependencies;
  const mode = { ...settings, verification: 'provider' as Dependencies['settings']['verification'] };
  const scene = identityScene({
    provider: provider({ status: { conditions: PROVEN } }),
    dependencies: { settings: mode },
  });
  await scene.reconcile();
  mode.verification = 'token';
  const restarted = scene.restarted();
  await restarted.reconcile();
  expect(restarted.exchanged).toHaveLength(1);
  await restarted.reconcile();
  expect(restarted.exchanged).toHaveLength(1);
});

test('off: nothing is proven, and Ready says so', async () => {
  const { reconcile, exchanged, conditionOf } = sceneWith('off');
  await reconcile();
  expect(exchanged).toEqual([]);
  expect(conditionOf('FederationVerified')).toBeUndefined();
  expect(conditionOf('Ready')).toMatchObject({
    status: 'True',
    message: expect.stringContaining('(--verification=off)'),
  });
});
