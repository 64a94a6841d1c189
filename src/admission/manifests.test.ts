import { describe, expect, test } from 'vitest';
import { admissionFiles, admissionManifests } from './manifests.ts';
import { type AdmissionOptions, defaultAdmissionOptions } from './options.ts';
import type { AdmissionObject } from './policy/policy-object.ts';

const objects = admissionManifests(defaultAdmissionOptions);
const policies = objects.filter((object) => 'matchConstraints' in object.spec);
const name = ({ kind, metadata }: AdmissionObject): string => `${kind} ${metadata.name}`;

/** Every CEL expression anywhere in the objects. */
function expressions(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, field]) =>
    typeof field === 'string' && /^(?:e|messageE)xpression$/.test(key) ? [field] : expressions(field),
  );
}

describe('admission manifests', () => {
  test.each(objects.map((object) => ({ name: name(object), object })))('$name says whose it is', ({ object }) => {
    expect(object.metadata.labels['app.kubernetes.io/part-of']).toBe('federated-identity-operator');
    expect(object.metadata.name).toMatch(/^federated-identity-[a-z-]+$/);
  });

  test('every policy is in force by a binding of its own kind', () => {
    const bindings = objects.flatMap((object) =>
      'policyName' in object.spec ? [`${object.kind} ${object.spec.policyName}`] : [],
    );
    expect(bindings).toEqual(policies.map(({ kind, metadata }) => `${kind}Binding ${metadata.name}`));
  });

  test('files and their objects are in the order of their names, so that a generated diff is small', () => {
    const files = admissionFiles(defaultAdmissionOptions);
    expect([...files.keys()]).toEqual([...files.keys()].toSorted());
    expect([...files.values()].flat()).toEqual(objects);
  });

  test('no expression has an open quote or bracket', () => {
    for (const expression of expressions(objects)) {
      const unquoted = expression.replaceAll(/'(?:[^'\\]|\\.)*'/g, '');
      expect(unquoted).not.toContain("'");
      const count = (characters: RegExp): number => (unquoted.match(characters) ?? []).length;
      expect({ expression, open: count(/[([{]/g) - count(/[)\]}]/g) }).toEqual({ expression, open: 0 });
    }
  });

  test('the guard of the CRDs, and nothing else, stays when Argo CD or Flux prune everything', () => {
    const kept = objects.filter(({ metadata: { annotations = {} } }) => {
      const flux = annotations['kustomize.toolkit.fluxcd.io/prune'] === 'disabled';
      const argo = annotations['argocd.argoproj.io/sync-options'] === 'Prune=false,Delete=false';
      expect(flux).toBe(argo);
      return flux;
    });
    expect(kept.map(name)).toEqual([
      'ValidatingAdmissionPolicy federated-identity-crd-guard',
      'ValidatingAdmissionPolicyBinding federated-identity-crd-guard',
    ]);
  });

  test('each mutating policy is one mutation, as each costs the API server 2 ms a pod; only one is of pods', () => {
    const mutating = policies.flatMap(({ spec }) => ('mutations' in spec ? [spec] : []));
    expect(mutating.map(({ mutations }) => mutations.length)).toEqual([1, 1]);
    expect(mutating.flatMap(({ matchConstraints }) => matchConstraints.resourceRules[0]?.resources)).toEqual([
      'pods',
      'serviceaccounts',
    ]);
  });

  test('a policy fails closed unless its parameters are of a custom kind, so that a missing CRD stops no pod (ADR 0001)', () => {
    const failurePolicies = policies.map(({ metadata, spec }) => [
      metadata.name,
      'paramKind' in spec ? spec.paramKind?.kind : undefined,
      'failurePolicy' in spec ? spec.failurePolicy : undefined,
    ]);
    expect(failurePolicies).toEqual([
      ['federated-identity-bound-label', undefined, 'Fail'],
      ['federated-identity-crd-guard', undefined, 'Fail'],
      ['federated-identity-injection', 'ConfigMap', 'Fail'],
      ['federated-identity-pending-gate', 'AwsFederatedIdentity', 'Ignore'],
      ['federated-identity-service-account-gate', 'ServiceAccount', 'Fail'],
      ['federated-identity-service-account-mark', undefined, 'Fail'],
      ['federated-identity-table-gate', 'ConfigMap', 'Fail'],
      ['federated-identity-table-guard', undefined, 'Fail'],
      ['federated-identity-token-audience', undefined, 'Fail'],
    ]);
  });

  test("kube-system and the operator's namespace are excluded whatever else is", () => {
    const options = { ...defaultAdmissionOptions, excludedNamespaces: ['monitoring', 'kube-system'] };
    const excluded = admissionManifests(options).flatMap(({ spec }) =>
      'matchConstraints' in spec && spec.matchConstraints.namespaceSelector !== undefined
        ? [spec.matchConstraints.namespaceSelector.matchExpressions.flatMap(({ values = [] }) => values)]
        : [],
    );
    const expected = ['kube-system', 'federated-identity-system', 'monitoring'];
    expect(excluded).toEqual(Array.from({ length: 6 }, () => expected));
  });

  test.each<{ option: string; options: Partial<AdmissionOptions> }>([
    { option: '/var/run/secrets/eks.amazonaws.com', options: { mountPath: '/var/run/own' } },
    { option: 'eks.amazonaws.com/', options: { annotationPrefix: 'own.example', mountPath: '/own' } },
    { option: 'sts.amazonaws.com', options: { tokenAudiences: ['own'] } },
    { option: '3600', options: { maxOperatorTokenSeconds: 900 } },
    {
      option: 'system:serviceaccount:federated-identity-system:federated-identity-operator',
      options: { operator: { namespace: 'own', serviceAccount: 'own' } },
    },
  ])('nothing is left of the default $option when another is chosen', ({ option, options }) => {
    expect(JSON.stringify(objects)).toContain(option);
    expect(JSON.stringify(admissionManifests({ ...defaultAdmissionOptions, ...options }))).not.toContain(option);
  });
});
