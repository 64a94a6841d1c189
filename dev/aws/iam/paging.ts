import { validationError } from '../errors.ts';
import type { QueryCall } from '../query-operation.ts';
import type { Constraints } from '../validation.ts';
import type { XmlRecord, XmlValue } from '../xml.ts';

export const PAGING: Constraints = {
  Marker: { kind: 'text', min: 1, max: 320 },
  MaxItems: { kind: 'integer', min: 1, max: 1000 },
};

const DEFAULT_MAX_ITEMS = 100;
/** Makes markers carry `+` and `/`, so that a client which forgets to encode them fails here too. */
const MARKER_PREFIX = Buffer.from([0xfb, 0xef, 0xff]);

interface Page<T> {
  readonly items: readonly T[];
  /** `IsTruncated` and, if there is more, `Marker`. */
  readonly truncation: XmlRecord;
}

/** Cuts one page out of items that are sorted by `keyOf`. Markers name the last key, so a list may change between pages. */
export function page<T>(call: QueryCall, items: readonly T[], keyOf: (item: T) => string): Page<T> {
  const marker = call.parameters.text('Marker');
  const asked = Number(call.parameters.text('MaxItems') ?? DEFAULT_MAX_ITEMS);
  const size = Math.min(asked, call.account.quotas.pageSize);
  const after = marker === undefined ? undefined : decodeMarker(marker);
  const rest = after === undefined ? items : items.filter((item) => keyOf(item) > after);
  const taken = rest.slice(0, size);
  const last = taken.at(-1);
  if (rest.length <= size || last === undefined) return { items: taken, truncation: { IsTruncated: false } };
  return { items: taken, truncation: { IsTruncated: true, Marker: encodeMarker(keyOf(last)) } };
}

/** A paged answer: `{ IsTruncated, Marker?, [member]: items }`. */
export function pagedResult<T>(
  call: QueryCall,
  list: { readonly member: string; readonly items: readonly T[]; readonly keyOf: (item: T) => string },
  toXml: (item: T) => XmlValue,
): XmlRecord {
  const { items, truncation } = page(call, list.items, list.keyOf);
  return { ...truncation, [list.member]: items.map(toXml) };
}

const encodeMarker = (key: string): string => Buffer.concat([MARKER_PREFIX, Buffer.from(key)]).toString('base64');

function decodeMarker(marker: string): string {
  const bytes = Buffer.from(marker, 'base64');
  if (!bytes.subarray(0, MARKER_PREFIX.length).equals(MARKER_PREFIX)) throw validationError('Invalid Marker.');
  return bytes.subarray(MARKER_PREFIX.length).toString();
}
