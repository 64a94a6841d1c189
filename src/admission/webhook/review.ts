import * as z from 'zod';
import type { Injection } from '../../kube/injection-table.ts';
import { serviceAccountOf } from '../../kube/pods.ts';
import { hasOptedOut, isMirrorPod } from '../web-identity.ts';
import { AdmittedPod } from './admitted-pod.ts';
import { type InjectionOptions, injectPod } from './inject-pod.ts';
import { AdmittedServiceAccount, markServiceAccount } from './mark-service-account.ts';

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
    oldObject: z.unknown(),
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

/** The answer to a webhook request (k8s.io/api/admission/v1). It never refuses a pod: the gates do. */
export interface ReviewAnswer {
  readonly apiVersion: typeof API_VERSION;
  readonly kind: typeof KIND;
  readonly response: {
    readonly uid: string;
    readonly allowed: boolean;
    readonly patchType?: 'JSONPatch';
    /** A JSON Patch, in Base64. */
    readonly patch?: string;
    /** kubectl shows them; the API server cuts them at 256 characters (when they are together more than 4096). */
    readonly warnings?: readonly string[];
    /** Why it is not allowed. */
    readonly status?: { readonly code: number; readonly message: string };
  };
}

/** What became of a pod or a ServiceAccount, for metrics. */
export const REVIEW_OUTCOMES = [
  'injected',
  /** It has all that it needs: its author gave it, or it was injected before. */
  'complete',
  'optedOut',
  'mirrorPod',
  /** Its ServiceAccount has no role, or is not ready. */
  'noRole',
  'unreadablePod',
  'lookupFailed',
  /** A ServiceAccount whose role was set or changed by hand, or whose mark somebody touched. */
  'marked',
  'unreadableServiceAccount',
  /** Neither the creation of a pod nor a write of a ServiceAccount that changes its mark. */
  'nothingToDo',
] as const;
export type ReviewOutcome = (typeof REVIEW_OUTCOMES)[number];

export interface Reviewed {
  readonly outcome: ReviewOutcome;
  readonly answer: ReviewAnswer;
  /** Why the lookup failed. */
  readonly error?: unknown;
}

/** What pods of a ServiceAccount are given; undefined for one without a role or that is not ready. Throws while it can't be told. */
export type Lookup = (namespace: string, serviceAccount: string) => Injection | undefined;

type Request = AdmissionReview['request'];

/**
 * Answers a review. A dry run is answered like any other request, as nothing is written. A failed lookup lets the pod
 * through as it is: the table gate denies it if its ServiceAccount has a role.
 */
export function answer({ request }: AdmissionReview, lookup: Lookup, options: InjectionOptions): Reviewed {
  const { operation, resource, subResource = '' } = request;
  const about = [resource.group, resource.resource, subResource, operation].join('/');
  switch (about) {
    case '/pods//CREATE':
      return answerPod(request, lookup, options);
    case '/serviceaccounts//CREATE':
    case '/serviceaccounts//UPDATE':
      return answerServiceAccount(request, options);
    default:
      return unchanged(request, 'nothingToDo');
  }
}

function answerPod(request: Request, lookup: Lookup, options: InjectionOptions): Reviewed {
  const pod = AdmittedPod.safeParse(request.object);
  if (!pod.success) return unchanged(request, 'unreadablePod', `no AWS credentials: ${problems(pod.error)}`);
  const { metadata } = pod.data;
  if (hasOptedOut(metadata.annotations)) return unchanged(request, 'optedOut');
  if (isMirrorPod(metadata.annotations)) return unchanged(request, 'mirrorPod');
  const namespace = request.namespace ?? metadata.namespace;
  if (namespace === undefined)
    return unchanged(request, 'unreadablePod', 'no AWS credentials: the request names no namespace');
  const found = attempt(() => lookup(namespace, serviceAccountOf(pod.data)));
  if (found.kind === 'failed') {
    const warning = 'no AWS credentials: what the ServiceAccount gets could not be looked up; create the pod again';
    return { ...unchanged(request, 'lookupFailed', warning), error: found.error };
  }
  if (found.value === undefined) return unchanged(request, 'noRole');
  return patched(request, injectPod(pod.data, found.value, options), { some: 'injected', none: 'complete' });
}

const ServiceAccountReview = z.object({
  object: AdmittedServiceAccount,
  oldObject: AdmittedServiceAccount.nullish(),
});

/** One that can't be read is refused: without its mark, its pods would run without their role. */
function answerServiceAccount(request: Request, options: InjectionOptions): Reviewed {
  const read = ServiceAccountReview.safeParse(request);
  if (!read.success) {
    const status = { code: 422, message: `the ServiceAccount can't be read: ${problems(read.error)}` };
    const response = { uid: request.uid, allowed: false, status };
    return { outcome: 'unreadableServiceAccount', answer: { apiVersion: API_VERSION, kind: KIND, response } };
  }
  const { object, oldObject } = read.data;
  const operations = markServiceAccount(object, oldObject ?? undefined, options);
  return patched(request, operations, { some: 'marked', none: 'nothingToDo' });
}

function unchanged({ uid }: Request, outcome: ReviewOutcome, ...warnings: readonly string[]): Reviewed {
  return { outcome, answer: allowed(uid, warnings.length === 0 ? {} : { warnings }) };
}

/** Outcomes of a patch with some operation and of one with none, which is not sent. */
interface PatchOutcomes {
  readonly some: ReviewOutcome;
  readonly none: ReviewOutcome;
}

function patched(request: Request, operations: readonly object[], { some, none }: PatchOutcomes): Reviewed {
  if (operations.length === 0) return unchanged(request, none);
  const patch = Buffer.from(JSON.stringify(operations)).toString('base64');
  return { outcome: some, answer: allowed(request.uid, { patchType: 'JSONPatch', patch }) };
}

const allowed = (uid: string, more: Omit<ReviewAnswer['response'], 'uid' | 'allowed'>): ReviewAnswer => ({
  apiVersion: API_VERSION,
  kind: KIND,
  response: { uid, allowed: true, ...more },
});

type Attempt<T> =
  | { readonly kind: 'succeeded'; readonly value: T }
  | { readonly kind: 'failed'; readonly error: unknown };

function attempt<T>(look: () => T): Attempt<T> {
  try {
    return { kind: 'succeeded', value: look() };
  } catch (error) {
    return { kind: 'failed', error };
  }
}

/** Each problem as `path: reason`, never with the value: it may be a secret of the pod. */
const problems = ({ issues }: z.ZodError): string =>
  issues.map(({ path, message }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`)).join('; ');
