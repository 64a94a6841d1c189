import { cutTo } from '../printable.ts';
import type { KubernetesResource } from './resource.ts';

/** Flux's own commands set the second. Both hold times in RFC 3339, which sort as text; the later one counts. */
const ANNOTATIONS = ['federatedidentity.dev/requestedAt', 'reconcile.fluxcd.io/requestedAt'] as const;

/** As the schema bounds status.lastHandledReconcileAt. */
const MAX_LENGTH = 128;

interface Answered extends KubernetesResource {
  readonly status?: { readonly lastHandledReconcileAt?: string | undefined };
}

/** The value by which somebody asks for a look now, until `status.lastHandledReconcileAt` answers it; then undefined. */
export function openRequest({ metadata, status }: Answered): string | undefined {
  const asked = ANNOTATIONS.map((name) => cutTo(metadata.annotations?.[name] ?? '', MAX_LENGTH))
    .filter((value) => value !== '')
    .toSorted()
    .at(-1);
  return asked === status?.lastHandledReconcileAt ? undefined : asked;
}
