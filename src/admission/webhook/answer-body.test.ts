import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { roleArn } from '../../../test/support/builders.ts';
import { reviewOf } from '../../../test/support/webhook-review.ts';
import { defaultAdmissionOptions } from '../options.ts';
import { answerBody } from './answer-body.ts';
import type { Lookup } from './review.ts';

const injection = {
  roleArn: roleArn(),
  audience: 'sts.amazonaws.com',
  tokenExpirationSeconds: 86_400,
  region: 'eu-west-1',
};
const pod = {
  metadata: { name: 'app' },
  spec: {
    serviceAccountName: 'app',
    containers: [{ name: 'app', image: 'app', env: [{ name: 'KEY', value: 'hunter2' }] }],
  },
};

function scene(lookup: Lookup = () => injection) {
  const outcomes: string[] = [];
  const lines: string[] = [];
  const answer = answerBody({
    lookup,
    injection: defaultAdmissionOptions,
    observer: { reviewed: (outcome, seconds) => outcomes.push(`${outcome} ${seconds >= 0 && seconds < 5}`) },
    log: pino({ level: 'debug' }, { write: (line: string) => lines.push(line) }),
  });
  return { answer, outcomes, lines };
}

describe('the body of a request', () => {
  test('that is a review of a pod is answered with its patch, counted, and not logged', () => {
    const { answer, outcomes, lines } = scene();
    const { status, body } = answer(JSON.stringify(reviewOf(pod)));
    const { response } = JSON.parse(body);
    expect([status, response.uid, response.allowed, response.patchType]).toEqual([
      200,
      'request-uid',
      true,
      'JSONPatch',
    ]);
    expect(outcomes).toEqual(['injected true']);
    expect(lines).toEqual([]);
  });

  test('is answered without a patch when the role can not be looked up, and the log says why', () => {
    const { answer, outcomes, lines } = scene(() => {
      throw new Error('the injection tables are not read yet');
    });
    const { status, body } = answer(JSON.stringify(reviewOf(pod)));
    expect(status).toBe(200);
    expect(JSON.parse(body).response).toMatchObject({ allowed: true });
    expect(JSON.parse(body).response.patch).toBeUndefined();
    expect(outcomes).toEqual(['lookupFailed true']);
    expect(lines.join('')).toContain('the injection tables are not read yet');
    expect(lines.join('')).not.toContain('hunter2');
  });

  test.each([
    { name: 'is no JSON', body: '{"a":', says: 'the body is no JSON' },
    { name: 'is empty', body: '', says: 'the body is no JSON' },
    { name: 'is null', body: 'null', says: 'no AdmissionReview of admission.k8s.io/v1' },
    {
      name: 'is nested 100 000 levels deep',
      body: `${'['.repeat(100_000)}${']'.repeat(100_000)}`,
      says: 'no AdmissionReview',
    },
    {
      name: 'hides a review in a prototype',
      body: JSON.stringify({ x: reviewOf(pod) }).replace('x', '__proto__'),
      says: 'no AdmissionReview',
    },
    { name: 'is another kind', body: JSON.stringify(pod), says: 'no AdmissionReview of admission.k8s.io/v1' },
    {
      name: 'is an older version',
      body: JSON.stringify({ ...reviewOf(pod), apiVersion: 'admission.k8s.io/v1beta1' }),
      says: 'apiVersion',
    },
  ])('that $name is refused with what is wrong [S9]', async ({ body, says }) => {
    const { answer, outcomes } = scene();
    const reply = answer(body);
    expect(reply.status).toBe(400);
    expect(reply.body).toContain(says);
    expect(outcomes).toEqual(['invalid true']);
  });
});
