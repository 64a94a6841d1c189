import { isDeepStrictEqual } from 'node:util';
import type { Violation } from './oracle.ts';

/** An object of a bucket as its readers see it. */
export interface PublicObject {
  readonly body: string;
  readonly contentType: string | undefined;
  readonly cacheControl: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
}

/** A bucket at one moment, by key. */
export type BucketView = ReadonlyMap<string, PublicObject>;

/** A public key as the API server serves it. */
export interface Key {
  readonly kid: string;
}

/** What an act of a story asks for in S3. */
export interface Publication {
  readonly cluster: string;
  readonly issuer: string;
  /** Where the documents are to be; undefined: nobody asks for them. */
  readonly prefix: string | undefined;
  /** From where they are to go; whatever lies elsewhere stays as it is. */
  readonly withdrawnFrom: string | undefined;
  readonly served: readonly Key[];
  /** Keys that the cluster serves no more, and that tokens may still be signed with. */
  readonly retired: readonly Key[];
  /** The bucket before the act. */
  readonly before: BucketView;
}

const DISCOVERY = '.well-known/openid-configuration';
const JWKS = 'openid/v1/jwks';
const OWNER = 'federatedidentity-cluster';
const MISSING = 'federatedidentity-missing';

const keysAt = (prefix: string | undefined): readonly string[] =>
  prefix === undefined ? [] : [`${prefix}/${DISCOVERY}`, `${prefix}/${JWKS}`];

/** Everything that is wrong in a bucket at the moments of an act, or when it has ended, which is the last of them. Pure. */
export function judgeDocuments(moments: readonly BucketView[], publication: Publication): readonly Violation[] {
  const found = [
    ...moments.flatMap((moment) => [...strangers(moment, publication), ...torn(moment, publication)]),
    ...ending(moments.at(-1) ?? new Map(), publication),
  ];
  return found.filter((one, index) => found.findIndex((other) => isDeepStrictEqual(one, other)) === index);
}

/** Nothing is written but the two documents, where they are asked for or to go from. */
function strangers(moment: BucketView, { before, prefix, withdrawnFrom }: Publication): readonly Violation[] {
  const own = new Set([...keysAt(prefix), ...keysAt(withdrawnFrom)]);
  return [...new Set([...before.keys(), ...moment.keys()])]
    .filter((key) => !own.has(key) && !isDeepStrictEqual(before.get(key), moment.get(key)))
    .map((key) => ({ kind: 'foreign write', what: `${key} in the bucket is not as it was` }));
}

/** Whoever reads a discovery document finds all keys that tokens are signed with. */
function torn(moment: BucketView, { prefix, served, retired }: Publication): readonly Violation[] {
  const issuers = [...moment.keys()].flatMap((key) =>
    key.endsWith(`/${DISCOVERY}`) ? [key.slice(0, -DISCOVERY.length - 1)] : [],
  );
  return issuers.flatMap((at) => {
    const published = keySet(moment.get(`${at}/${JWKS}`));
    const lacking = [...served, ...(at === prefix ? retired : [])].find(
      (key) => !published.some((one) => isDeepStrictEqual(one, key)),
    );
    if (lacking === undefined) return [];
    return [{ kind: 'torn', what: `${at}/${DISCOVERY} points to keys that lack ${lacking.kid}` } as const];
  });
}

function ending(end: BucketView, publication: Publication): readonly Violation[] {
  const { prefix, withdrawnFrom } = publication;
  const left = keysAt(withdrawnFrom).filter((key) => end.has(key));
  const problems =
    prefix === undefined ? [] : [discoveryProblem(end, prefix, publication), keysProblem(end, prefix, publication)];
  return [
    ...left.map((key): Violation => ({ kind: 'orphan', what: `${key} in the bucket` })),
    ...problems.flatMap((what): readonly Violation[] => (what === undefined ? [] : [{ kind: 'unfinished', what }])),
  ];
}

function discoveryProblem(end: BucketView, prefix: string, { cluster, issuer }: Publication): string | undefined {
  const key = `${prefix}/${DISCOVERY}`;
  const object = end.get(key);
  if (object === undefined) return `${key} is not published`;
  const { issuer: told, jwks_uri: uri } = parsed(object) as { readonly issuer?: unknown; readonly jwks_uri?: unknown };
  if (told !== issuer || uri !== `${issuer}/${JWKS}`)
    return `${key} tells of the issuer ${told} and of the keys ${uri}`;
  return headersProblem(key, object, { [OWNER]: cluster });
}

function keysProblem(end: BucketView, prefix: string, { cluster, served, retired }: Publication): string | undefined {
  const key = `${prefix}/${JWKS}`;
  const object = end.get(key);
  if (object === undefined) return `${key} is not published`;
  const byKid = (keys: readonly Key[]): ReadonlyMap<string, Key> => new Map(keys.map((one) => [one.kid, one]));
  const published = keySet(object);
  if (!isDeepStrictEqual(byKid(published), byKid([...served, ...retired])))
    return `${key} has the keys ${published.map(({ kid }) => kid).join()}`;
  const marks = object.metadata[MISSING];
  if ((marks?.split(' ') ?? []).length !== retired.length)
    return `${key} has the marks ${marks} for ${retired.length} keys out of use`;
  return headersProblem(key, object, { [OWNER]: cluster, ...(marks === undefined ? {} : { [MISSING]: marks }) });
}

function headersProblem(
  key: string,
  { contentType, cacheControl, metadata: told }: PublicObject,
  metadata: object,
): string | undefined {
  const headers = { contentType, cacheControl, metadata: told };
  const wanted = { contentType: 'application/json', cacheControl: 'public, max-age=300', metadata };
  return isDeepStrictEqual(headers, wanted) ? undefined : `${key} has the headers ${JSON.stringify(headers)}`;
}

const parsed = ({ body }: PublicObject): object => JSON.parse(body) as object;

function keySet(object: PublicObject | undefined): readonly Key[] {
  return object === undefined ? [] : (parsed(object) as { readonly keys: readonly Key[] }).keys;
}
