/**
 * The part of DER (ITU-T X.690) that a certificate needs. Each function gives the bytes of one element: tag, length, content.
 * Written here since node:crypto reads certificates but makes none.
 */
type Bytes = Uint8Array;

/** Tags of X.690, clause 8; 0x20 marks an element made of elements. */
const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
  contextPrimitive: 0x80,
  contextConstructed: 0xa0,
} as const;

function element(tag: number, ...content: readonly Bytes[]): Bytes {
  const body = Buffer.concat(content);
  return Buffer.concat([Buffer.from([tag]), length(body.length), body]);
}

/** One byte below 128, else the number of bytes and the bytes, the highest first. */
function length(size: number): Bytes {
  return size < 0x80 ? Buffer.from([size]) : Buffer.concat([Buffer.from([0x80 | bytesOf(size).length]), bytesOf(size)]);
}

function bytesOf(value: number): Buffer {
  const hex = value.toString(16);
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
}

export const sequence = (...elements: readonly Bytes[]): Bytes => element(TAG.sequence, ...elements);

export const set = (...elements: readonly Bytes[]): Bytes => element(TAG.set, ...elements);

/** DER leaves out what has its default value, so `false` is hardly ever written. */
export const boolean = (value: boolean): Bytes => element(TAG.boolean, Buffer.from([value ? 0xff : 0x00]));

/** A number that is not negative, highest byte first: as short as can be, with a zero byte where it would read as negative. */
export function integer(magnitude: Bytes): Bytes {
  const firstUsed = magnitude.findIndex((byte) => byte !== 0);
  const shortest = firstUsed === -1 ? Buffer.from([0]) : magnitude.subarray(firstUsed);
  const sign = (shortest[0] ?? 0) >= 0x80 ? [Buffer.from([0])] : [];
  return element(TAG.integer, ...sign, shortest);
}

/** Whole bytes. */
export const bitString = (content: Bytes): Bytes => element(TAG.bitString, Buffer.from([0]), content);

/** Named bits, number 0 first in the highest place; DER drops the zero bits at the end. */
export function namedBits(...numbers: readonly [number, ...number[]]): Bytes {
  const last = Math.max(...numbers);
  const bytes = new Uint8Array(Math.floor(last / 8) + 1);
  for (const bit of numbers) bytes[Math.floor(bit / 8)] = (bytes[Math.floor(bit / 8)] ?? 0) | (0x80 >> (bit % 8));
  return element(TAG.bitString, Buffer.from([7 - (last % 8)]), bytes);
}

export const octetString = (content: Bytes): Bytes => element(TAG.octetString, content);

export const utf8String = (text: string): Bytes => element(TAG.utf8String, Buffer.from(text));

/** For example `2.5.29.17`; the first two numbers share a byte, each other takes 7 bits a byte. */
export function objectIdentifier(dotted: string): Bytes {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return element(TAG.objectIdentifier, ...[first * 40 + second, ...rest].map(base128));
}

function base128(value: number): Bytes {
  const digits = [value % 128];
  for (let left = Math.floor(value / 128); left > 0; left = Math.floor(left / 128)) digits.unshift((left % 128) + 128);
  return Buffer.from(digits);
}

/** Whole seconds, UTC; a year of two digits through 2049, as certificates must have it (RFC 5280, 4.1.2.5). */
export function time(moment: Date): Bytes {
  const digits = `${moment.toISOString().replaceAll(/[-:T]/g, '').slice(0, 14)}Z`;
  const isShort = moment.getUTCFullYear() < 2050;
  return element(isShort ? TAG.utcTime : TAG.generalizedTime, Buffer.from(isShort ? digits.slice(2) : digits));
}

/** `[number]` IMPLICIT over plain bytes. */
export const contextBytes = (number: number, content: Bytes): Bytes => element(TAG.contextPrimitive | number, content);

/** `[number]` EXPLICIT. */
export const context = (number: number, content: Bytes): Bytes => element(TAG.contextConstructed | number, content);
