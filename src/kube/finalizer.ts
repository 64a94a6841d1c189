import type { ObjectMeta } from './resource.ts';

/** The four situations of an object that our finalizer can hold. If Held ever was, Cleanup runs before the object goes. */
export type Lifecycle = 'New' | 'Held' | 'Cleanup' | 'Gone';

export function lifecycle({ finalizers = [], deletionTimestamp }: ObjectMeta, finalizer: string): Lifecycle {
  const held = finalizers.includes(finalizer);
  if (deletionTimestamp !== undefined) return held ? 'Cleanup' : 'Gone';
  return held ? 'Held' : 'New';
}
