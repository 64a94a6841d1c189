import { type AwsFederatedIdentity, IDENTITIES } from '../src/kube/kinds.ts';
import type { ObjectName } from '../src/kube/resource.ts';
import { type IdentityName, identityOf, inParallel, PATIENCE, type Scene } from './scene.ts';

const isReady = (identity: AwsFederatedIdentity | undefined): boolean =>
  identity?.status?.conditions?.some(
    ({ type, status, observedGeneration }) =>
      type === 'Ready' && status === 'True' && observedGeneration === identity.metadata.generation,
  ) === true;

/** Resolves when a watch has shown all of them ready, with the time of each in milliseconds of performance.now(). */
export async function untilReady(
  { identities }: Pick<Scene, 'identities'>,
  names: readonly ObjectName[],
  patienceMs = 900_000,
): Promise<readonly number[]> {
  const key = ({ namespace = '', name }: ObjectName): string => `${namespace}/${name}`;
  const times = new Map<string, number>();
  const waiting = new Set(names.map(key));
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const look = (identity: AwsFederatedIdentity): void => {
    const name = `${identity.metadata.namespace}/${identity.metadata.name}`;
    if (!isReady(identity) || !waiting.delete(name)) return;
    times.set(name, performance.now());
    if (waiting.size === 0) resolve();
  };
  const stop = identities.follow(({ object }) => look(object));
  const [example] = waiting;
  const timer = setTimeout(
    () =>
      reject(new Error(`${waiting.size} of ${names.length} identities did not become ready, ${example} among them`)),
    patienceMs,
  );
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    stop();
  }
  return names.map((name) => times.get(key(name)) ?? Number.NaN);
}

/** Milliseconds from the request that creates an identity to the watch event that shows it ready, one after the other. */
export async function singleTimes(scene: Scene, names: readonly IdentityName[]): Promise<readonly number[]> {
  const times: number[] = [];
  for (const name of names) {
    const startedAt = performance.now();
    const ready = untilReady(scene, [name], 120_000);
    await scene.admin.create(IDENTITIES, identityOf(name), PATIENCE);
    const [readyAt = Number.NaN] = await ready;
    times.push(readyAt - startedAt);
  }
  return times;
}

/** Creates all at once; seconds from the first request to the last one ready. */
export async function burst(scene: Scene, names: readonly IdentityName[]): Promise<number> {
  const startedAt = performance.now();
  const ready = untilReady(scene, names);
  await inParallel(names, 16, async (name) => void (await scene.admin.create(IDENTITIES, identityOf(name), PATIENCE)));
  return (Math.max(...(await ready)) - startedAt) / 1000;
}

/** Deletes them and waits until they are gone, roles and all. */
export async function remove(scene: Scene, names: readonly IdentityName[]): Promise<void> {
  await inParallel(names, 16, ({ namespace, name }) =>
    scene.admin.delete(IDENTITIES, { namespace, name }, {}, PATIENCE),
  );
  while (names.some((name) => scene.identities.get(name) !== undefined))
    await new Promise((resolve) => setTimeout(resolve, 200));
}
