import { expect, test } from 'vitest';
import { kubernetesGoMod, versionFlags } from './go-build.ts';

const replace = (path: string, target: string) => ({ Old: { Path: path }, New: { Path: target } });

test('every staging module is replaced by its published version, and no other replacement is taken over', () => {
  const upstream = {
    Go: '1.26.0',
    Replace: [
      replace('k8s.io/api', './staging/src/k8s.io/api'),
      replace('k8s.io/kubectl', './staging/src/k8s.io/kubectl'),
      replace('example.com/fork', 'example.com/other'),
    ],
  };
  expect(kubernetesGoMod(upstream, '1.36.3')).toBe(
    `module federated-identity-operator.invalid/kubernetes
go 1.26.0
require k8s.io/kubernetes v1.36.3
replace k8s.io/api => k8s.io/api v0.36.3
replace k8s.io/kubectl => k8s.io/kubectl v0.36.3
`,
  );
});

test('the linker writes the version, without which kube-apiserver says v0.0.0 and refuses its feature gates', () => {
  const flags = versionFlags('1.36.3');
  expect(flags).toContain('-X k8s.io/component-base/version.gitVersion=v1.36.3');
  expect(flags).toContain('-X k8s.io/component-base/version.gitMajor=1');
  expect(flags).toContain('-X k8s.io/component-base/version.gitMinor=36');
});
