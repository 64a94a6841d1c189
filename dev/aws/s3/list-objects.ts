import { AwsError } from '../errors.ts';
import type { Bucket } from '../state.ts';
import { flatList, type XmlRecord } from '../xml.ts';

const MAX_KEYS = 1000;

interface ListRequest {
  readonly prefix: string;
  readonly delimiter: string;
  readonly maxKeys: number;
  readonly token: string | undefined;
  /** Only entries greater than this. */
  readonly after: string;
  readonly isUrlEncoded: boolean;
}

/** ListObjectsV2: prefix, delimiter, start-after, max-keys, continuation-token, encoding-type=url. */
export function listObjects(bucket: Bucket, query: URLSearchParams): XmlRecord {
  const request = parseListRequest(query);
  const { prefix, delimiter, maxKeys, token, after, isUrlEncoded } = request;
  const encode = isUrlEncoded ? encodeKey : (key: string): string => key;
  const entries = [...entriesOf(bucket, prefix, delimiter)].filter((entry) => entry > after).toSorted();
  const taken = entries.slice(0, maxKeys);
  const isTruncated = entries.length > taken.length && maxKeys > 0;
  const isFolder = (entry: string): boolean => !bucket.objects.has(entry) || isGrouped(entry, prefix, delimiter);
  return {
    Name: bucket.name,
    Prefix: encode(prefix),
    Delimiter: delimiter === '' ? undefined : encode(delimiter),
    MaxKeys: maxKeys,
    EncodingType: isUrlEncoded ? 'url' : undefined,
    KeyCount: taken.length,
    IsTruncated: isTruncated,
    ContinuationToken: token,
    NextContinuationToken: isTruncated ? Buffer.from(taken.at(-1) ?? '').toString('base64url') : undefined,
    Contents: flatList(taken.filter((entry) => !isFolder(entry)).map((key) => contentXml(bucket, key, encode))),
    CommonPrefixes: flatList(taken.filter(isFolder).map((entry) => ({ Prefix: encode(entry) }))),
  };
}

function parseListRequest(query: URLSearchParams): ListRequest {
  const maxKeys = Math.min(Number(query.get('max-keys') ?? MAX_KEYS), MAX_KEYS);
  if (!(maxKeys >= 0)) {
    throw new AwsError('InvalidArgument', 400, 'Provided max-keys not an integer or within integer range');
  }
  const token = query.get('continuation-token') ?? undefined;
  return {
    prefix: query.get('prefix') ?? '',
    delimiter: query.get('delimiter') ?? '',
    maxKeys,
    token,
    after: token === undefined ? (query.get('start-after') ?? '') : Buffer.from(token, 'base64url').toString(),
    isUrlEncoded: query.get('encoding-type') === 'url',
  };
}

/** Keys under the prefix, those beyond the next delimiter folded into one common prefix. */
function entriesOf(bucket: Bucket, prefix: string, delimiter: string): Set<string> {
  const keys = [...bucket.objects.keys()].filter((key) => key.startsWith(prefix));
  return new Set(keys.map((key) => fold(key, prefix, delimiter)));
}

function fold(key: string, prefix: string, delimiter: string): string {
  const end = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
  return end === -1 ? key : key.slice(0, end + delimiter.length);
}

const isGrouped = (entry: string, prefix: string, delimiter: string): boolean =>
  delimiter !== '' && entry.length > prefix.length && entry.endsWith(delimiter);

function contentXml(bucket: Bucket, key: string, encode: (key: string) => string): XmlRecord {
  const object = bucket.objects.get(key);
  return {
    Key: encode(key),
    LastModified: object?.lastModified,
    ETag: object?.etag,
    Size: object?.body.length,
    StorageClass: 'STANDARD',
  };
}

const encodeKey = (key: string): string => encodeURIComponent(key).replaceAll('%2F', '/');
