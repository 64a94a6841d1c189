import type { Fetched } from '../../src/oidc/pinned-fetch.ts';

type Answer = Extract<Fetched, { kind: 'answered' }>;

/** A document as an issuer serves it; text as it is. */
export const served = (body: unknown, fields: Partial<Answer> = {}): Answer => ({
  kind: 'answered',
  status: 200,
  body: typeof body === 'string' ? body : JSON.stringify(body),
  location: undefined,
  cacheControl: undefined,
  certificate: { kind: 'trusted' },
  milliseconds: 10,
  ...fields,
});
