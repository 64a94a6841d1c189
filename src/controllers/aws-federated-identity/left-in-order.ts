import type { KubernetesResource } from '../../kube/resource.ts';

/**
 * Remembers as which version each identity was left by a pass that found it in order. No watch wakes us for a change of its
 * status alone, which is usually our own; but somebody may have wiped it, or a write of a process that is gone came late.
 */
export class LeftInOrder {
  /** UID to resourceVersion. */
  readonly #versions = new Map<string, string>();

  left({ metadata: { uid, resourceVersion } }: KubernetesResource): void {
    if (uid !== undefined && resourceVersion !== undefined) this.#versions.set(uid, resourceVersion);
  }

  /** A pass begins, or the identity goes. */
  forget(uid: string): void {
    this.#versions.delete(uid);
  }

  /** Whether it was in order and somebody has written to it since. */
  hasChanged({ metadata: { uid = '', resourceVersion } }: KubernetesResource): boolean {
    const version = this.#versions.get(uid);
    return version !== undefined && version !== resourceVersion;
  }
}
