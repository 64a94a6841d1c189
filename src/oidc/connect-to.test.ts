import { expect, test } from 'vitest';
import { thrownBy } from '../../test/support/builders.ts';
import { parseConnectTo } from './connect-to.ts';

test.each([
  { text: '', expected: [] },
  { text: 'a.example=127.0.0.1:6443', expected: [['a.example', { address: '127.0.0.1', port: 6443 }]] },
  {
    text: 'A.example=127.0.0.1:1, b.example=[::1]:65535,',
    expected: [
      ['a.example', { address: '127.0.0.1', port: 1 }],
      ['b.example', { address: '::1', port: 65_535 }],
    ],
  },
])('"$text" is read', ({ text, expected }) => {
  expect([...parseConnectTo(text)]).toEqual(expected);
});

test.each(['a.example', 'a=b:1', 'a=1.2.3.4', 'a=1.2.3.4:0', 'a=1.2.3.4:70000', 'a=1.2.3:1', '=1.2.3.4:1', 'a=::1:1'])(
  '"%s" is refused with an example',
  async (text) => {
    expect(await thrownBy(() => parseConnectTo(`ok=1.2.3.4:1,${text}`))).toHaveProperty(
      'message',
      expect.stringContaining(`"${text}" is not HOST=ADDRESS:PORT`),
    );
  },
);
