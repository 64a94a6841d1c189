import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { runPlugin } from '../support/plugin.ts';
import {
  conditionOf,
  identity,
  newNamespace,
  pod,
  provider,
  S3_READ,
  untilReady,
  untilReason,
  useStack,
} from '../support/stories.ts';
import { type InjectedPod, workloadOf } from '../support/workload.ts';

// Promise 6. The canaries are the secrets that the operator really handles in this story.
const stack = useStack();

test('no token and no credential is in the log, Events, status, metrics or the audit log [F78 S15]', async () => {
  const { kubectl, operator, cluster, aws } = stack();
  const namespace = await newNamespace(stack());
  await kubectl(['apply', '-f', '-'], provider());
  await kubectl(['apply', '-f', '-'], identity(namespace, { role: { managedPolicyArns: [S3_READ] } }));
  await untilReady(stack(), 'afi/app', namespace);
  const created: InjectedPod = JSON.parse(await kubectl(['create', '-f', '-', '-o', 'json'], pod(namespace, 'app')));
  await using workload = await workloadOf(stack(), created);
  await workload.callerArn();
  // Failures are where secrets slip out: a refused policy, a refused token, an AWS that answers nonsense.
  await kubectl(
    ['apply', '-f', '-'],
    identity(namespace, { role: { managedPolicyArns: ['arn:aws:iam::aws:policy/AdministratorAccess'] } }, 'greedy'),
  );
  await untilReason(stack(), ['afi/greedy', '-n', namespace], 'Ready', 'PolicyNotAllowed');
  aws.faults.add({
    operation: 'AssumeRoleWithWebIdentity',
    times: 2,
    effect: { kind: 'error', code: 'AccessDenied', message: 'no', status: 403 },
  });
  await kubectl(['apply', '-f', '-'], identity(namespace, {}, 'other'));
  await untilReady(stack(), 'afi/other', namespace);

  const places: Readonly<Record<string, string>> = {
    log: await readFile(operator.logFile, 'utf8'),
    events: await kubectl(['get', 'events', '-A', '-o', 'json']),
    status: await kubectl(['get', 'aop,afi', '-A', '-o', 'json']),
    metrics: await (await fetch(`${operator.url}/metrics`)).text(),
    audit: await readFile(cluster.auditLog, 'utf8'),
  };
  expect(places['events']).toContain('PolicyNotAllowed');
  for (const [place, text] of Object.entries(places)) {
    expect(text.length, place).toBeGreaterThan(100);
    expect(text, `a JWT in ${place}`).not.toMatch(/eyJ[\w-]{10,}\.eyJ[\w-]{10,}/);
    expect(text, `a session key in ${place}`).not.toMatch(/ASIA[A-Z0-9]{16}/);
    expect(text, `an Authorization header in ${place}`).not.toMatch(/Bearer [\w-]|AWS4-HMAC-SHA256/);
  }
});

test('what AWS answers steers no terminal and shows no secret, wherever it is told [F72 F78 S15]', async () => {
  const { aws, kubectl, operator } = stack();
  const namespace = await newNamespace(stack());
  await kubectl(['apply', '-f', '-'], provider());
  const token = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJlMTIzNDU2';
  const secret = 'wJalrXUtnFEMIK7MDENGbPxRfiCYCANARY';
  const message = `\u001b]0;owned\u0007 \u009b31m CANARY\nREADY True \u202egpj ${token} SecretAccessKey="${secret}" Authorization: Bearer ${secret} ASIAIOSFODNN7CANARY1`;
  using _ = aws.faults.add({
    operation: 'CreateRole',
    effect: { kind: 'error', code: 'InvalidInput', message, status: 400 },
  });
  await kubectl(['apply', '-f', '-'], identity(namespace, { role: { description: 'a\nb\tc' } }, 'canary'));
  const object = await untilReason(stack(), ['afi/canary', '-n', namespace], 'Ready', 'PolicyInvalid');
  expect(conditionOf(object, 'Ready')?.message).toContain('CANARY');
  await expect
    .poll(() => kubectl(['get', 'events', '-n', namespace, '-o', 'json']), { timeout: 60_000, interval: 200 })
    .toContain('CANARY');
  const wide = await kubectl(['get', 'afi/canary', '-n', namespace, '-o', 'wide']);
  expect(wide.trimEnd().split('\n')).toHaveLength(2);
  const places: Readonly<Record<string, string>> = {
    wide,
    message: conditionOf(object, 'Ready')?.message ?? '',
    status: (await runPlugin(stack(), ['status', '-n', namespace])).stdout,
    log: await readFile(operator.logFile, 'utf8'),
    events: await kubectl(['get', 'events', '-n', namespace, '-o', 'wide']),
    metrics: await (await fetch(`${operator.url}/metrics`)).text(),
    object: await kubectl(['get', 'afi,aop', '-n', namespace, '-o', 'yaml']),
  };
  expect(places['metrics'], 'neither a role nor an identity is a label').not.toMatch(/arn:aws|canary/i);
  for (const [place, text] of Object.entries(places)) {
    expect(text.length, place).toBeGreaterThan(40);
    expect(text, place).not.toMatch(/[^\P{Cc}\n]|\p{Bidi_Control}/u);
    for (const canary of [token.slice(0, 20), secret, 'ASIAIOSFODNN7']) expect(text, place).not.toContain(canary);
  }
});
