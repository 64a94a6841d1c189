import assert from 'node:assert/strict';
import fc from 'fast-check';
import { pino } from 'pino';
import { answerBody } from '../../src/admission/webhook/answer-body.ts';
import { claimsOf } from '../../src/cli/doctor/token-claims.ts';
import { ReconcileError } from '../../src/errors.ts';
import { IssuerUrl, RoleArn } from '../../src/iam/arn.ts';
import { entryOf, type Injection, parseEntry, pendingEntry, tableEntry } from '../../src/kube/injection-table.ts';
import { verdictOf } from '../../src/oidc/issuer-check.ts';
import { judge } from '../../src/oidc/judge.ts';
import type { Fetched } from '../../src/oidc/pinned-fetch.ts';
import { cutTo, escaped, printable } from '../../src/printable.ts';
import { served } from '../support/served.ts';
import type { FuzzTarget } from './fuzz.ts';
import { jsonWith } from './json.ts';
import { policyDocument } from './policy-target.ts';

const ISSUER = IssuerUrl.parse('https://oidc.example.com/cluster-a');

/** Whatever the documents are, the verdict is one that fits into a condition. */
export function checkVerdict(discovery: Fetched, jwks: Fetched | undefined): void {
  const judgement = judge({ discovery, jwks }, ISSUER, { kid: 'k1', algorithm: 'RS256' });
  const verdict = verdictOf(judgement, ISSUER);
  const messages = verdict.kind === 'usable' ? verdict.notes : [verdict.message];
  for (const message of messages) assert.ok(message.length < 4000, 'what others wrote is cut');
}

const ISSUER_WORDS = [
  'issuer',
  ISSUER,
  'jwks_uri',
  `${ISSUER}/openid/v1/jwks`,
  'keys',
  'kid',
  'k1',
  'kty',
  'RSA',
  'EC',
  'alg',
  'RS256',
  'n',
  'x',
  'https://10.0.0.1/',
  'http://a',
  'https://a:443/',
];

const issuerDocument: FuzzTarget = {
  name: 'issuer-document',
  words: ISSUER_WORDS.map((word) => JSON.stringify(word)),
  likely: jsonWith(ISSUER_WORDS),
  check: (input) => {
    const good = JSON.stringify({ issuer: ISSUER, jwks_uri: `${ISSUER}/openid/v1/jwks` });
    checkVerdict(served(input), served('{"keys":[]}'));
    checkVerdict(served(good), served(input));
  },
};

const INJECTION: Injection = {
  roleArn: RoleArn.parse('arn:aws:iam::111122223333:role/federated/a'),
  audience: 'sts.amazonaws.com',
  tokenExpirationSeconds: 3600,
  region: 'eu-west-1',
};
const REVIEW_WORDS = [
  'apiVersion',
  'admission.k8s.io/v1',
  'kind',
  'AdmissionReview',
  'request',
  'uid',
  'operation',
  'CREATE',
  'UPDATE',
  'resource',
  'group',
  '',
  'pods',
  'serviceaccounts',
  'subResource',
  'namespace',
  'object',
  'oldObject',
  'metadata',
  'annotations',
  'labels',
  'spec',
  'containers',
  'initContainers',
  'name',
  'env',
  'volumeMounts',
  'mountPath',
  'volumes',
  'serviceAccountName',
  'nodeSelector',
  'os',
  'federatedidentity.dev/inject',
  'eks.amazonaws.com/role-arn',
  'eks.amazonaws.com/skip-containers',
  'aws-iam-token',
  'AWS_ROLE_ARN',
];
const answerReview = answerBody({
  lookup: (_namespace, serviceAccount) => (serviceAccount === 'none' ? undefined : INJECTION),
  injection: { mountPath: '/var/run/secrets/eks.amazonaws.com/serviceaccount', annotationPrefix: 'eks.amazonaws.com' },
  observer: { reviewed: () => {} } as unknown as Parameters<typeof answerBody>[0]['observer'],
  log: pino({ enabled: false }),
});

const admissionReview: FuzzTarget = {
  name: 'admission-review',
  words: REVIEW_WORDS.map((word) => JSON.stringify(word)),
  likely: jsonWith(REVIEW_WORDS),
  check: (input) => {
    const { status, body } = answerReview(input);
    assert.ok(body.length < 2000 + 300 * input.length && body.length < 4_000_000, 'the answer is in proportion');
    if (status === 400) return;
    assert.equal(status, 200);
    const { request } = JSON.parse(input) as { readonly request: { readonly uid: string } };
    const { response } = JSON.parse(body) as {
      readonly response: { readonly uid: string; readonly allowed: boolean; readonly patch?: string };
    };
    assert.equal(response.uid, request.uid);
    const operations: readonly { readonly op: string; readonly path: string }[] = JSON.parse(
      Buffer.from(response.patch ?? 'W10=', 'base64').toString(),
    );
    for (const { op, path } of operations) {
      assert.ok(
        op === 'add' || (op === 'remove' && path.startsWith('/metadata/labels/')),
        'nothing of others is taken away',
      );
      assert.match(path, /^\/(spec\/(volumes|containers|initContainers)|metadata\/labels)/);
    }
  },
};

const TABLE_WORDS = ['pending ', INJECTION.roleArn, ' sts.amazonaws.com', ' 3600', ' eu-west-1', ' -', ' global', ' '];

const injectionTable: FuzzTarget = {
  name: 'injection-table',
  words: TABLE_WORDS,
  likely: fc.array(fc.constantFrom(...TABLE_WORDS), { maxLength: 6 }).map((words) => words.join('')),
  check: (input) => {
    const entry = parseEntry(input);
    if (entry.kind === 'injection') {
      const { injection } = entry;
      assert.deepEqual(parseEntry(tableEntry({ ...injection, tokenExpirationSeconds: 1 })), {
        kind: 'injection',
        injection: { ...injection, tokenExpirationSeconds: 1 },
      });
      assert.ok(injection.tokenExpirationSeconds >= 0 && injection.tokenExpirationSeconds <= 1e18);
    }
    if (entry.kind === 'pending') assert.equal(pendingEntry(entry.identity, entry.reason), input);
    const data: unknown = JSON.parse(`{${JSON.stringify(input)}:"x"}`);
    const table = { metadata: {}, data: data as Record<string, string> };
    assert.equal(entryOf(table, input), 'x');
    for (const name of ['__proto__', 'constructor', 'toString'])
      if (name !== input)
        assert.equal(entryOf(table, name), undefined, 'a name is not that of a property of all objects');
  },
};

// oxlint-disable-next-line no-control-regex -- what a terminal obeys
const STEERING = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

const printedText: FuzzTarget = {
  name: 'printed-text',
  words: ['\u001b[31m', '\u001b]0;x\u0007', '\r', '\u009b2J', '\u2066', '\u061c'],
  likely: fc.string({ unit: 'binary' }),
  check: (input) => {
    const line = printable(input);
    assert.doesNotMatch(line, STEERING);
    assert.ok(line.isWellFormed() && line.length <= input.length);
    assert.equal(printable(line), line);
    assert.doesNotMatch(escaped(input), STEERING);
    const cut = cutTo(line, 20);
    assert.ok(cut.length <= 20 && cut.isWellFormed());
  },
};

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const CLAIM_WORDS = [
  'iss',
  'sub',
  'aud',
  'iat',
  'exp',
  'kid',
  'alg',
  'RS256',
  ISSUER,
  'sts.amazonaws.com',
  '1700000000',
];

const token: FuzzTarget = {
  name: 'token',
  words: ['.', part({ alg: 'RS256' }), part({ iss: 'a', sub: 'b', aud: 'c', iat: 1, exp: 2 })],
  likely: fc
    .tuple(jsonWith(CLAIM_WORDS), jsonWith(CLAIM_WORDS))
    .map((parts) => `${parts.map((text) => Buffer.from(text).toString('base64url')).join('.')}.s`),
  check: (input) => {
    try {
      const { issuer, subject, audiences } = claimsOf(input);
      assert.ok([issuer, subject, ...audiences].every((text) => typeof text === 'string'));
    } catch (error) {
      assert.ok(error instanceof ReconcileError, 'only our own errors');
      assert.ok(input.length < 20 || !error.message.includes(input), 'a message does not show the token');
    }
  },
};

export const TEXT_TARGETS: readonly FuzzTarget[] = [
  policyDocument,
  issuerDocument,
  admissionReview,
  injectionTable,
  printedText,
  token,
];
