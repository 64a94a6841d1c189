/** Values that the XML writer understands. `undefined` members are left out, arrays become `<member>` elements. */
export type XmlValue = string | number | boolean | Date | XmlList | readonly XmlValue[] | XmlRecord;
export interface XmlRecord {
  readonly [name: string]: XmlValue | undefined;
}

/** A list that is not a plain `<member>` list: items of another name, or repeated without a wrapper (S3). */
export class XmlList {
  readonly itemName: string | undefined;
  readonly values: readonly XmlValue[];

  constructor(itemName: string | undefined, values: readonly XmlValue[]) {
    this.itemName = itemName;
    this.values = values;
  }
}

/** A list whose element is repeated in place, as S3's `<Contents>`. */
export const flatList = (values: readonly XmlValue[]): XmlList => new XmlList(undefined, values);

/** Writes one element. Dates lose their milliseconds only where AWS does: never here. */
export function xmlElement(name: string, value: XmlValue, attributes = ''): string {
  if (value instanceof XmlList && value.itemName === undefined) {
    return value.values.map((item) => xmlElement(name, item)).join('');
  }
  const content = xmlContent(value);
  return content === '' && typeof value !== 'string'
    ? `<${name}${attributes}/>`
    : `<${name}${attributes}>${content}</${name}>`;
}

function xmlContent(value: XmlValue): string {
  if (typeof value === 'string') return escapeXml(value);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (value instanceof Date) return value.toISOString();
  if (value instanceof XmlList)
    return value.values.map((item) => xmlElement(value.itemName ?? 'member', item)).join('');
  if (isArray(value)) return value.map((item) => xmlElement('member', item)).join('');
  return Object.entries(value)
    .map(([name, member]) => (member === undefined ? '' : xmlElement(name, member)))
    .join('');
}

const isArray = (value: XmlValue): value is readonly XmlValue[] => Array.isArray(value);

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\r': '&#xD;',
};
const escapeXml = (text: string): string => text.replace(/[&<>"\r]/g, (char) => ENTITIES[char] ?? char);
