import { describe, expect, test } from 'vitest';
import { webhookFiles, webhookManifests } from '../manifests.ts';
import { type AdmissionOptions, defaultAdmissionOptions } from '../options.ts';
import { webhookConfiguration, webhookService } from './manifest.ts';

describe('the webhook configuration', () => {
  const [webhook, mark, ...others] = webhookConfiguration(defaultAdmissionOptions).webhooks;

  test('has a webhook for new pods that stops no pod when it is down, and answers soon', () => {
    expect(others).toEqual([]);
    expect(webhook).toMatchObject({ failurePolicy: 'Ignore', reinvocationPolicy: 'IfNeeded', timeoutSeconds: 3 });
    expect(webhook?.rules).toEqual([
      { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'], scope: 'Namespaced' },
    ]);
  });

  test('has a webhook for ServiceAccounts whose mark is wrong, and lets none of them by when it is down', () => {
    expect(mark).toMatchObject({ failurePolicy: 'Fail', reinvocationPolicy: 'IfNeeded', timeoutSeconds: 3 });
    expect(mark?.matchConditions.map(({ name }) => name)).toEqual(['not-the-operator', 'mark-is-wrong']);
    expect(mark?.rules).toEqual([
      {
        apiGroups: [''],
        apiVersions: ['v1'],
        operations: ['CREATE', 'UPDATE'],
        resources: ['serviceaccounts'],
        scope: 'Namespaced',
      },
    ]);
  });

  test('names no caBundle, so that applying it again takes nothing from the operator', () => {
    for (const one of [webhook, mark]) expect(Object.keys(one?.clientConfig ?? {})).toEqual(['service']);
  });

  test('calls the Service by the name that certificates are for', () => {
    const { metadata } = webhookService(defaultAdmissionOptions);
    expect(webhook?.clientConfig.service).toMatchObject({ name: metadata.name, namespace: metadata.namespace });
  });

  test("never matches kube-system or the operator's namespace", () => {
    const options = { ...defaultAdmissionOptions, excludedNamespaces: ['monitoring'] };
    const selectors = webhookConfiguration(options).webhooks.map(({ namespaceSelector }) => namespaceSelector);
    for (const { matchExpressions } of selectors)
      expect(matchExpressions).toEqual([
        {
          key: 'kubernetes.io/metadata.name',
          operator: 'NotIn',
          values: ['kube-system', 'federated-identity-system', 'monitoring'],
        },
      ]);
  });
});

describe('webhook mode', () => {
  test('has no kind that Kubernetes 1.30 does not know', () => {
    expect(new Set(webhookManifests(defaultAdmissionOptions).map(({ kind }) => kind))).toEqual(
      new Set([
        'ValidatingAdmissionPolicy',
        'ValidatingAdmissionPolicyBinding',
        'Service',
        'MutatingWebhookConfiguration',
      ]),
    );
  });

  test('has its files in the order of their names', () => {
    const names = [...webhookFiles(defaultAdmissionOptions).keys()];
    expect(names).toEqual(names.toSorted());
  });

  test.each<{ option: string; options: Partial<AdmissionOptions> }>([
    { option: 'federated-identity-webhook', options: { webhookService: 'own' } },
    { option: 'federated-identity-system', options: { operator: { namespace: 'own', serviceAccount: 'own' } } },
    { option: '/var/run/secrets/eks.amazonaws.com', options: { mountPath: '/own' } },
  ])('has nothing left of the default $option when another is chosen', ({ option, options }) => {
    expect(JSON.stringify(webhookManifests(defaultAdmissionOptions))).toContain(option);
    expect(JSON.stringify(webhookManifests({ ...defaultAdmissionOptions, ...options }))).not.toContain(option);
  });
});
