import { z } from 'zod';
import type { Injection } from '../../kube/injection-table.ts';
import { AdmittedPod, hasOptedOut, isMirrorPod, serviceAccountOf } from './admitted-pod.ts';
import { type InjectionOptions, injectPod } from './inject-pod.ts';

const API_VERSION = 'admission.k8s.io/v1';
const KIND = 'AdmissionReview';

/** The part of a request to a webhook that counts here; the pod itself is looked at when it is known to be one. */
const AdmissionReview = z.object({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal(KIND),
  request: z.object({
    uid: z.string().min(1),
    operation: z.string(),
    resource: z.object({ group: z.string().default(''), resource: z.string() }),
    subResource: z.string().optional(),
    namespace: z.string().optional(),
    object: z.unknown(),
  }),
});
export type AdmissionReview = z.output<typeof AdmissionReview>;

export type ParsedReview =
  | { readonly kind: 'review'; readonly review: AdmissionReview }
  /** What is wrong with the request, for its sender. */
  | { readonly kind: 'invalid'; readonly message: string };

/** Reads the body of a request. Without the uid of a review there is nothing that could be answered but an HTTP error. */
export function parseReview(body: unknown): ParsedReview {
  const parsed = AdmissionReview.safeParse(body);
  if (parsed.success) return { kind: 'review', review: parsed.data };
  return { kind: 'invalid', message: `the body is no ${KIND} of ${API_VERSION}: ${problems(parsed.error)}` };
}

/** The answer to a webhook request (k8s.io/api/admission/v1). It never refuses a pod: the table gate does. */
export interface ReviewAnswer {
  readonly apiVersion: typeof API_VERSION;
  readonly kind: typeof KIND;
  readonly response: {
    readonly uid: string;
    readonly allowed: true;
    readonly patchType?: 'JSONPatch';
    /** A JSON Patch, in Base64. */
    readonly patch?: string;
    /** kubectl shows them; the API server cuts them at 256 characters (when they are together more than 4096). */
    readonly warnings?: readonly string[];
  };
}

/** What became of a pod, for metrics. */
export const REVIEW_OUTCOMES = [
  'injected',
  /** It has all that it needs: its author gave it, or it was injected before. */
  'complete',
  'optedOut',
  'mirrorPod',
  /** Its ServiceAccount has no role, or is not ready. */
  'noRole',
  'notAPodCreation',
  'unreadablePod',
  'lookupFailed',
] as const;
export type ReviewOutcome = (typeof REVIEW_OUTCOMES)[number];

export interface Reviewed {
  readonly outcome: ReviewOutcome;
  readonly answer: ReviewAnswer;
  /** Why the lookup failed. */
  readonly error?: unknown;
}

/** What pods of a ServiceAccount are given; undefined for one without a role or that is not ready. */
export type Lookup = (namespace: string, serviceAccount: string) => Promise<Injection | undefined>;

/**
 * Answers a review. A dry run is answered like any other request, as nothing is written. A failed lookup lets the pod
 * through as it is: the table gate denies it if its ServiceAccount has a role.
 */
export async function answer(
  { request }: AdmissionReview,
  lookup: Lookup,
  options: InjectionOptions,
): Promise<Reviewed> {
  const { operation, resource, subResource = '' } = request;
  const { group, resource: plural } = resource;
  const unchanged = (outcome: ReviewOutcome, ...warnings: readonly string[]): Reviewed => ({
    outcome,
    answer: allowed(request.uid, warnings.length === 0 ? {} : { warnings }),
  });
  if (operation !== 'CREATE' || group !== '' || plural !== 'pods' || subResource !== '') {
    return unchanged('notAPodCreation');
  }
  const pod = AdmittedPod.safeParse(request.object);
  if (!pod.success) return unchanged('unreadablePod', `no AWS credentials: ${problems(pod.error)}`);
  if (hasOptedOut(pod.data)) return unchanged('optedOut');
  if (isMirrorPod(pod.data)) return unchanged('mirrorPod');
  const namespace = request.namespace ?? pod.data.metadata.namespace;
  if (namespace === undefined) return unchanged('unreadablePod', 'no AWS credentials: the request names no namespace');
  const found = await attempt(lookup(namespace, serviceAccountOf(pod.data)));
  if (found.kind === 'failed') {
    const warning = 'no AWS credentials: what the ServiceAccount gets could not be looked up; create the pod again';
    return { ...unchanged('lookupFailed', warning), error: found.error };
  }
  if (found.value === undefined) return unchanged('noRole');
  const operations = injectPod(pod.data, found.value, options);
  if (operations.length === 0) return unchanged('complete');
  const patch = Buffer.from(JSON.stringify(operations)).toString('base64');
  return { outcome: 'injected', answer: allowed(request.uid, { patchType: 'JSONPatch', patch }) };
}

const allowed = (uid: string, more: Omit<ReviewAnswer['response'], 'uid' | 'allowed'>): ReviewAnswer => ({
  apiVersion: API_VERSION,
  kind: KIND,
  response: { uid, allowed: true, ...more },
});

type Attempt<T> =
  | { readonly kind: 'succeeded'; readonly value: T }
  | { readonly kind: 'failed'; readonly error: unknown };

const attempt = <T>(promise: Promise<T>): Promise<Attempt<T>> =>
  promise.then(
    (value) => ({ kind: 'succeeded', value }),
    (error: unknown) => ({ kind: 'failed', error }),
  );

/** Each problem as `path: reason`, never with the value: it may be a secret of the pod. */
const problems = ({ issues }: z.ZodError): string =>
  issues.map(({ path, message }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`)).join('; ');
