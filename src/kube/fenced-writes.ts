import type { KubernetesClient } from './client.ts';

/**
 * A client whose writes ask `fence` first, which throws when this process leads no more: one that was stopped and goes on
 * would write what it had found out before another took over, and nobody would look at it again.
 */
export function fencedWrites(client: KubernetesClient, fence: () => void): KubernetesClient {
  const fenced =
    <Arguments extends readonly unknown[], Answer>(write: (...given: Arguments) => Promise<Answer>) =>
    async (...given: Arguments): Promise<Answer> => {
      fence();
      return write(...given);
    };
  return {
    ...client,
    create: fenced(client.create),
    apply: fenced(client.apply),
    applyStatus: fenced(client.applyStatus),
    mergePatch: fenced(client.mergePatch),
    delete: fenced(client.delete),
  };
}
