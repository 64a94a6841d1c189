import { defaultAdmissionOptions } from '../../src/admission/options.ts';
import type { JsonPatchOperation } from '../../src/admission/webhook/inject-pod.ts';
import { answer, type Lookup, parseReview, type Reviewed } from '../../src/admission/webhook/review.ts';
import { applyPatch } from './json-patch.ts';

/** An AdmissionReview as the API server sends it for a new pod, also the fields that nobody looks at. */
export const reviewOf = (pod: unknown, fields: object = {}): object => ({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: {
    uid: 'request-uid',
    kind: { group: '', version: 'v1', kind: 'Pod' },
    resource: { group: '', version: 'v1', resource: 'pods' },
    requestKind: { group: '', version: 'v1', kind: 'Pod' },
    requestResource: { group: '', version: 'v1', resource: 'pods' },
    namespace: 'analytics',
    operation: 'CREATE',
    userInfo: { username: 'system:serviceaccount:kube-system:replicaset-controller' },
    object: pod,
    oldObject: null,
    dryRun: false,
    options: { apiVersion: 'meta.k8s.io/v1', kind: 'CreateOptions' },
    ...fields,
  },
});

/** The answer of the webhook's core to a review. */
export function reviewed(body: unknown, lookup: Lookup): Reviewed {
  const parsed = parseReview(body);
  if (parsed.kind === 'invalid') throw new Error(parsed.message);
  return answer(parsed.review, lookup, defaultAdmissionOptions);
}

/** The operations of an answer; none where there is no patch. */
export const operationsOf = ({ answer: { response } }: Reviewed): readonly JsonPatchOperation[] =>
  response.patch === undefined
    ? []
    : (JSON.parse(Buffer.from(response.patch, 'base64').toString()) as readonly JsonPatchOperation[]);

/** What the webhook makes of a pod. */
export function throughWebhook<Pod extends object>(pod: Pod, lookup: Lookup): Pod {
  return applyPatch(pod, operationsOf(reviewed(reviewOf(pod), lookup)));
}
