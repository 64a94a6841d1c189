import { describe, expect, test } from 'vitest';
import { bitString, boolean, integer, namedBits, objectIdentifier, octetString, sequence, time } from './der.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bytes = (text: string): Uint8Array => Buffer.from(text, 'hex');

// Expected bytes after X.690 and its examples, or as OpenSSL writes them.
describe('DER', () => {
  test.each([
    { name: 'zero', element: integer(bytes('00')), expected: '020100' },
    { name: 'no bytes are zero', element: integer(bytes('')), expected: '020100' },
    { name: '127', element: integer(bytes('7f')), expected: '02017f' },
    { name: '128 needs a zero byte, else it is negative', element: integer(bytes('80')), expected: '02020080' },
    { name: 'leading zeros go', element: integer(bytes('000001')), expected: '020101' },
    { name: 'true', element: boolean(true), expected: '0101ff' },
    { name: 'an empty sequence', element: sequence(), expected: '3000' },
    { name: 'whole bytes as bits', element: bitString(bytes('b0')), expected: '030200b0' },
    { name: 'digitalSignature', element: namedBits(0), expected: '03020780' },
    { name: 'keyCertSign and cRLSign', element: namedBits(5, 6), expected: '03020106' },
    { name: 'a ninth bit', element: namedBits(0, 8), expected: '0303078080' },
    {
      name: 'sha256WithRSAEncryption',
      element: objectIdentifier('1.2.840.113549.1.1.11'),
      expected: '06092a864886f70d01010b',
    },
    { name: 'commonName', element: objectIdentifier('2.5.4.3'), expected: '0603550403' },
    {
      name: 'a time before 2050',
      element: time(new Date('2049-12-31T23:59:59.9Z')),
      expected: `170d${hex(Buffer.from('491231235959Z'))}`,
    },
    {
      name: 'a time from 2050 on',
      element: time(new Date('2050-01-01T00:00:00Z')),
      expected: `180f${hex(Buffer.from('20500101000000Z'))}`,
    },
  ])('$name', ({ element, expected }) => {
    expect(hex(element)).toBe(expected);
  });

  test.each([
    { size: 127, expected: '047f' },
    { size: 128, expected: '048180' },
    { size: 255, expected: '0481ff' },
    { size: 256, expected: '04820100' },
    { size: 65_536, expected: '0483010000' },
  ])('the length of $size bytes', ({ size, expected }) => {
    const element = hex(octetString(new Uint8Array(size)));
    expect(element.slice(0, expected.length)).toBe(expected);
    expect(element).toHaveLength(expected.length + 2 * size);
  });
});
