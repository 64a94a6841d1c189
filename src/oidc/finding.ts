import type { Phase } from './pinned-fetch.ts';

export type DocumentName = 'discovery document' | 'JWKS';

/** A document, and where it was asked for. */
export interface Place {
  readonly document: DocumentName;
  /** Without query. */
  readonly url: string;
  readonly host: string;
}

/** What can be wrong with an issuer, seen from its text alone. */
export type ShapeFinding =
  | { readonly kind: 'not-https' }
  | { readonly kind: 'has-port' }
  | { readonly kind: 'cluster-local' }
  | { readonly kind: 'not-accepted-by-iam' };

/** Why a document was not to be seen from here. */
export type ReachFinding =
  | { readonly kind: 'not-public'; readonly at: Place; readonly address: string; readonly network: string }
  | { readonly kind: 'no-such-name'; readonly at: Place; readonly code: string }
  | { readonly kind: 'no-connection'; readonly at: Place; readonly phase: Phase; readonly code: string }
  | { readonly kind: 'timeout'; readonly at: Place; readonly phase: Phase }
  | { readonly kind: 'unavailable'; readonly at: Place; readonly status: number };

/** How a document is served. */
export type ServingFinding =
  | { readonly kind: 'certificate-invalid'; readonly at: Place; readonly why: string }
  | {
      readonly kind: 'certificate-untrusted';
      readonly at: Place;
      readonly code: string;
      readonly topThumbprint: string;
      readonly isTrustedHere: boolean;
    }
  | { readonly kind: 'slow'; readonly at: Place }
  | { readonly kind: 'not-cacheable'; readonly at: Place; readonly cacheControl: string };

/** What is served instead of a document. */
export type AnswerFinding =
  | { readonly kind: 'forbidden'; readonly at: Place; readonly status: number }
  | { readonly kind: 'not-found'; readonly at: Place; readonly status: number }
  | { readonly kind: 'redirect'; readonly at: Place; readonly status: number; readonly location: string }
  | { readonly kind: 'unexpected-status'; readonly at: Place; readonly status: number }
  | { readonly kind: 'too-large'; readonly at: Place }
  | { readonly kind: 'not-json'; readonly at: Place }
  | { readonly kind: 'malformed'; readonly at: Place; readonly problem: string };

/** What can be wrong with one of the documents before its content matters. */
export type FetchFinding = ReachFinding | ServingFinding | AnswerFinding;

/** What can be wrong with what the documents say. */
export type ContentFinding =
  | { readonly kind: 'issuer-mismatch'; readonly found: string }
  | { readonly kind: 'jwks-uri-unusable'; readonly jwksUri: string; readonly problem: string }
  | { readonly kind: 'no-keys' }
  | { readonly kind: 'too-many-keys'; readonly type: string; readonly count: number }
  | { readonly kind: 'unsupported-algorithm'; readonly algorithm: string }
  | { readonly kind: 'key-missing'; readonly kid: string; readonly found: readonly string[] }
  | { readonly kind: 'duplicate-kid'; readonly kid: string }
  | { readonly kind: 'foreign-algorithms'; readonly algorithms: readonly string[] };

/** One fault, or one remark, about an issuer. */
export type Finding = ShapeFinding | FetchFinding | ContentFinding;
