import { expect, test } from 'vitest';
import { injectionCases } from '../../../test/integration/admission-cases.ts';
import { tableData } from '../../../test/integration/admission-expectations.ts';
import { factsOf, type Pod, pod } from '../../../test/integration/admission-pods.ts';
import { roleArn } from '../../../test/support/builders.ts';
import { throughWebhook } from '../../../test/support/webhook-review.ts';
import { type Injection, parseEntry } from '../../kube/injection-table.ts';
import { AdmittedPod } from './admitted-pod.ts';
import { injectPod } from './inject-pod.ts';

function lookup(_namespace: string, serviceAccount: string): Injection | undefined {
  const entry = parseEntry(tableData[serviceAccount] ?? '');
  return entry.kind === 'injection' ? entry.injection : undefined;
}

/** The API server fills in the ServiceAccount before it asks a webhook. */
function asSent(candidate: Pod): Pod {
  const { serviceAccount = '', serviceAccountName = serviceAccount } = candidate.spec;
  return { ...candidate, spec: { ...candidate.spec, serviceAccountName } };
}

test.each(injectionCases)('$name', ({ pod: candidate, expected }) => {
  const sent = asSent(candidate);
  const once = throughWebhook(sent, lookup);
  if ('denied' in expected) expect(once, 'the table gate denies it as it came').toEqual(sent);
  else expect(factsOf(once)).toEqual(expected);
  expect(throughWebhook(once, lookup), 'an injected pod is not changed again').toEqual(once);
});

const injection: Injection = {
  roleArn: roleArn(),
  audience: 'sts.amazonaws.com',
  tokenExpirationSeconds: 600,
  region: undefined,
};
const pathsOf = (candidate: object, options: { mountPath: string; annotationPrefix: string }): readonly string[] =>
  injectPod(AdmittedPod.parse(candidate), injection, options).map(({ path }) => path);

test('mount path and annotation prefix are those of the installation', () => {
  const options = { mountPath: '/own', annotationPrefix: 'example.org' };
  const parsed = AdmittedPod.parse(pod({ annotations: { 'example.org/token-expiration': '700' } }));
  const values = injectPod(parsed, injection, options).map(({ value }) => JSON.stringify(value));
  expect(values.join()).toContain('"expirationSeconds":700');
  expect(values.join()).toContain('/own/token');
  expect(values.join()).toContain('"mountPath":"/own"');
});

test('a list that is there gets items at its end, one that is missing is added whole', () => {
  const containers = [{ name: 'bare' }, { name: 'own', env: [{ name: 'A' }], volumeMounts: [] }];
  const options = { mountPath: '/own', annotationPrefix: 'example.org' };
  expect(pathsOf({ spec: { containers, volumes: [{ name: 'data' }] } }, options)).toEqual([
    '/spec/volumes/-',
    '/spec/containers/0/env',
    '/spec/containers/0/volumeMounts',
    '/spec/containers/1/env/-',
    '/spec/containers/1/env/-',
    '/spec/containers/1/env/-',
    '/spec/containers/1/volumeMounts',
  ]);
});
