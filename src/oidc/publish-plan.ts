import { isDeepStrictEqual } from 'node:util';
import type { IssuerUrl } from '../iam/arn.ts';
import type { FoundObject, NewObject, ObservedObject, Precondition } from '../s3/bucket-objects.ts';
import {
  DISCOVERY_PATH,
  discoveryDocument,
  DOCUMENT_HEADERS,
  documentText,
  JWKS_PATH,
  jwksDocument,
  parseDocument,
} from './published-documents.ts';
import {
  decodeMarks,
  encodeMarks,
  goesAt,
  type Jwk,
  type KeyRing,
  MAX_KEYS,
  mergeKeys,
  NO_KEYS,
  publishedKeys,
} from './published-keys.ts';
import { objectKey, type PublishTarget } from './publish-place.ts';

/** Metadata of the objects that the operator made: the UID of the namespace kube-system of their cluster. */
const OWNER = 'federatedidentity-cluster';
/** Metadata of the JWKS: which keys the cluster no longer serves, and since when. S3 keeps it, so it survives the operator. */
const MISSING = 'federatedidentity-missing';

export const isPublishedBy = ({ metadata }: FoundObject, cluster: string): boolean => metadata[OWNER] === cluster;

/** The documents of one issuer in S3. */
export interface Documents {
  readonly jwks: ObservedObject;
  readonly discovery: ObservedObject;
}

export interface Publishing {
  readonly issuer: IssuerUrl;
  readonly target: PublishTarget;
  /** Keys that an API server of the cluster serves now. */
  readonly served: readonly Jwk[];
  readonly cluster: string;
  readonly now: Date;
}

/** One write to S3. */
export interface PublishWrite {
  readonly type: 'PutObject';
  readonly key: string;
  readonly object: NewObject;
  readonly precondition: Precondition;
}

export type PublishPlan =
  /** In this order; empty: in sync. `foreign` are documents of somebody else that say the right thing and are used. */
  | {
      readonly kind: 'apply';
      readonly writes: readonly PublishWrite[];
      readonly ring: KeyRing;
      readonly foreign: readonly string[];
    }
  | { readonly kind: 'refuse'; readonly reason: 'PublishConflict' | 'TooManyKeys'; readonly message: string };

/** What to do in S3 so that AWS finds the issuer's documents. Pure. Keys come first, then the document that points to them. */
export function planPublishing(publishing: Publishing, observed: Documents): PublishPlan {
  const { issuer, served, target, now } = publishing;
  const ring = mergeKeys(ringOf(observed.jwks), served, now);
  if (ring.keys.length > MAX_KEYS) return tooManyKeys(ring, served);
  const documents = [
    {
      key: objectKey(target, JWKS_PATH),
      observed: observed.jwks,
      wished: jwksDocument(ring.keys),
      marks: encodeMarks(ring),
      lack: (found: unknown) => lackOfKeys(found, served),
    },
    {
      key: objectKey(target, DISCOVERY_PATH),
      observed: observed.discovery,
      wished: discoveryDocument(issuer, ring.keys),
      marks: '',
      lack: (found: unknown) => lackOfDiscovery(found, discoveryDocument(issuer, served)),
    },
  ];
  const plans = documents.map((document) => planDocument(publishing, document));
  const conflicts = plans.filter((plan) => plan.kind === 'conflict');
  if (conflicts[0] !== undefined) return { kind: 'refuse', reason: 'PublishConflict', message: conflicts[0].message };
  const writes = plans.flatMap((plan) => (plan.kind === 'write' ? [plan.write] : []));
  const foreign = plans.flatMap((plan) => (plan.kind === 'use' ? [plan.key] : []));
  return { kind: 'apply', writes, ring, foreign };
}

interface Document {
  readonly key: string;
  readonly observed: ObservedObject;
  readonly wished: object;
  readonly marks: string;
  /** What a document of somebody else lacks to be of use; undefined: nothing. */
  readonly lack: (found: unknown) => string | undefined;
}

type DocumentPlan =
  | { readonly kind: 'keep' }
  | { readonly kind: 'write'; readonly write: PublishWrite }
  | { readonly kind: 'use'; readonly key: string }
  | { readonly kind: 'conflict'; readonly message: string };

function planDocument({ cluster, target }: Publishing, document: Document): DocumentPlan {
  const { key, observed, wished, marks, lack } = document;
  const metadata = { [OWNER]: cluster, ...(marks === '' ? {} : { [MISSING]: marks }) };
  const object: NewObject = { body: documentText(wished), ...DOCUMENT_HEADERS, metadata };
  const write = (precondition: Precondition): DocumentPlan => ({
    kind: 'write',
    write: { type: 'PutObject', key, object, precondition },
  });
  switch (observed.kind) {
    case 'absent':
    case 'hidden':
      return write({ kind: 'absent' });
    case 'found': {
      const owner = observed.metadata[OWNER];
      if (isPublishedBy(observed, cluster)) return isSame(observed, object) ? { kind: 'keep' } : write(observed);
      const uri = `s3://${target.bucket}/${key}`;
      if (owner !== undefined) return { kind: 'conflict', message: otherCluster(uri, owner) };
      const lacking = lack(parseDocument(observed.body));
      return lacking === undefined
        ? { kind: 'use', key }
        : { kind: 'conflict', message: otherMaker(uri, lacking, cluster) };
    }
    default:
      return observed satisfies never;
  }
}

function isSame(found: FoundObject, object: NewObject): boolean {
  const { contentType, cacheControl, metadata, body } = object;
  return (
    isDeepStrictEqual(parseDocument(found.body), parseDocument(body)) &&
    isDeepStrictEqual([found.contentType, found.cacheControl, found.metadata], [contentType, cacheControl, metadata])
  );
}

/** All keys that are published, whoever published them. Only a JWKS of our own carries marks. */
function ringOf(observed: ObservedObject): KeyRing {
  if (observed.kind !== 'found') return NO_KEYS;
  const keys = publishedKeys(parseDocument(observed.body)) ?? [];
  return { keys, missingSince: decodeMarks(observed.metadata[MISSING] ?? '', keys) };
}

function lackOfKeys(found: unknown, served: readonly Jwk[]): string | undefined {
  const keys = publishedKeys(found);
  if (keys === undefined) return 'it is no JSON Web Key Set';
  const missing = served.find((key) => !keys.some((other) => isDeepStrictEqual(material(other), material(key))));
  return missing === undefined ? undefined : `it lacks the key ${missing.kid} of this cluster`;
}

const material = ({ kid, kty, n, e, crv, x, y }: Jwk): readonly unknown[] => [kid, kty, n, e, crv, x, y];

function lackOfDiscovery(found: unknown, wished: Readonly<Record<string, unknown>>): string | undefined {
  const document = typeof found === 'object' && found !== null ? new Map(Object.entries(found)) : new Map();
  const field = ['issuer', 'jwks_uri'].find((name) => document.get(name) !== wished[name]);
  if (field === undefined) return undefined;
  return `its ${field} is ${JSON.stringify(document.get(field) ?? null)}, that of this cluster would be ${JSON.stringify(wished[field])}`;
}

const otherCluster = (uri: string, owner: string): string =>
  `${uri} belongs to the cluster ${owner} (metadata ${OWNER}), so it is not overwritten: clusters that share an issuer could act for each other. ` +
  'Choose another prefix in spec.issuer.publish.s3, and give the API server the issuer that belongs to it.';

const otherMaker = (uri: string, lacking: string, cluster: string): string =>
  `${uri} was not made by this operator, and ${lacking}; it is not overwritten. Choose another prefix, remove the object, or hand it over: ` +
  `aws s3 cp ${uri} ${uri} --metadata-directive REPLACE --metadata ${OWNER}=${cluster}`;

function tooManyKeys({ keys, missingSince }: KeyRing, served: readonly Jwk[]): PublishPlan {
  const next = [...missingSince.values()].toSorted((a, b) => a.getTime() - b.getTime())[0];
  const remedy =
    next === undefined
      ? 'Remove old --service-account-key-file flags from the API server.'
      : `Rotate less often: the next key that the cluster no longer serves goes at ${goesAt(next).toISOString()}.`;
  return {
    kind: 'refuse',
    reason: 'TooManyKeys',
    message: `The JWKS would have ${keys.length} keys (${served.length} of them in use), and AWS takes ${MAX_KEYS}; nothing is written. ${remedy}`,
  };
}
