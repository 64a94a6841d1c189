import * as z from 'zod';
import { INJECTION_LABEL } from '../../kube/kinds.ts';
import { annotationKeys } from '../../kube/service-account-annotations.ts';
import { textsByName } from '../../list-schema.ts';
import type { AdmissionOptions } from '../options.ts';
import { LABEL_PATH, PENDING_MARK } from '../policy/service-account-mark.ts';

const Texts = textsByName.nullish();

/** The part of a ServiceAccount that decides about its mark. */
export const AdmittedServiceAccount = z.object({
  metadata: z.object({ annotations: Texts, labels: Texts }),
});
export type AdmittedServiceAccount = z.output<typeof AdmittedServiceAccount>;

/** An operation of RFC 6902. */
export type LabelOperation =
  | { readonly op: 'add'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string };

/**
 * What the policy of src/admission/policy/service-account-mark.ts does, for Kubernetes before 1.36: the same table of cases holds
 * the two together. Gives no operation where the label is as it must be. `before` is undefined for a new ServiceAccount.
 */
export function markServiceAccount(
  now: AdmittedServiceAccount,
  before: AdmittedServiceAccount | undefined,
  options: Pick<AdmissionOptions, 'annotationPrefix'>,
): readonly LabelOperation[] {
  const labels = now.metadata.labels ?? undefined;
  const label = labels?.[INJECTION_LABEL];
  const wanted = wantedLabel(now, before, options);
  if (label === wanted) return [];
  if (wanted === undefined) return [{ op: 'remove', path: LABEL_PATH }];
  const parent: readonly LabelOperation[] =
    labels === undefined ? [{ op: 'add', path: '/metadata/labels', value: {} }] : [];
  return [...parent, { op: 'add', path: LABEL_PATH, value: wanted }];
}

function wantedLabel(
  { metadata: now }: AdmittedServiceAccount,
  before: AdmittedServiceAccount | undefined,
  { annotationPrefix }: Pick<AdmissionOptions, 'annotationPrefix'>,
): string | undefined {
  const keys = annotationKeys(annotationPrefix);
  if (!now.annotations?.[keys.roleArn]) return undefined;
  const isUnchanged = Object.values(keys).every(
    (key) => now.annotations?.[key] === before?.metadata.annotations?.[key],
  );
  return isUnchanged ? before?.metadata.labels?.[INJECTION_LABEL] : PENDING_MARK;
}
