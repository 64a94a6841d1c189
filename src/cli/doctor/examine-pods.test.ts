import { describe, expect, test } from 'vitest';
import { CLUSTER, identity, provider, roleArn, thrownBy } from '../../../test/support/builders.ts';
import { inMemoryKubernetes } from '../../../test/support/in-memory-kubernetes.ts';
import { type Pod, PODS } from '../../kube/pods.ts';
import { inNamespace } from '../cluster-reads.ts';
import { assumedForm, type FormOptions } from '../injection-form.ts';
import { Unseen } from './chain.ts';
import { examinePods } from './examine-pods.ts';

const namespace = 'analytics';
const ROLE = roleArn();
const container = {
  name: 'main',
  env: [{ name: 'AWS_ROLE_ARN', value: ROLE }, { name: 'AWS_WEB_IDENTITY_TOKEN_FILE' }],
  volumeMounts: [{ name: 'aws-iam-token', mountPath: '/token' }],
};
const skipping: Pod = {
  metadata: { namespace, name: 'web-1', annotations: { 'acme.io/skip-containers': 'sidecar' } },
  spec: { serviceAccountName: 'reports', containers: [container, { name: 'sidecar' }] },
};

/** Of a cluster that injects new pods. */
function examine(options: FormOptions): Promise<string> {
  const kubernetes = inMemoryKubernetes();
  kubernetes.put(inNamespace(PODS, namespace), skipping);
  const tryCreate = async <T>() => ({ ...skipping, spec: { containers: [container] } }) as T;
  const cluster = { kubernetes: { ...kubernetes.client, tryCreate }, server: 'https://cluster.example', namespace };
  const subject = {
    identity: identity(),
    provider: provider(),
    neighbours: [],
    namespaceLabels: undefined,
    clusterId: CLUSTER,
    pod: undefined,
  };
  const question = { subject, roleArn: ROLE, form: assumedForm(options), warn: () => {} };
  return examinePods(cluster, question, new AbortController().signal);
}

describe('pods of which only the settings of the operator tell', () => {
  test('are not judged without them', async () => {
    const error = await thrownBy(() => examine({}));
    expect(error).toBeInstanceOf(Unseen);
    expect(error).toMatchObject({ message: expect.stringContaining('Say by --annotation-prefix how it runs') });
  });

  test('are judged by them', async () => {
    expect(await examine({ annotationPrefix: 'acme.io' })).toContain('1 pod has role, token file and mount');
    expect(await thrownBy(() => examine({ annotationPrefix: 'eks.amazonaws.com' }))).toMatchObject({
      reason: 'PodsNotInjected',
      message: expect.stringContaining('container sidecar lacks role'),
    });
  });
});
