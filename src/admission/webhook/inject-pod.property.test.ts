import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { tableData } from '../../../test/integration/admission-expectations.ts';
import type { Container, Pod } from '../../../test/integration/admission-pods.ts';
import { applyPatch } from '../../../test/support/json-patch.ts';
import { podArbitrary } from '../../../test/support/pod-arbitrary.ts';
import { parseEntry } from '../../kube/injection-table.ts';
import { defaultAdmissionOptions } from '../options.ts';
import { AdmittedPod } from './admitted-pod.ts';
import { injectPod } from './inject-pod.ts';

function injected(pod: Pod): Pod {
  const entry = parseEntry(tableData[pod.spec.serviceAccountName ?? ''] ?? '');
  if (entry.kind !== 'injection') throw new Error('the ServiceAccount has no role');
  return applyPatch(pod, injectPod(AdmittedPod.parse(pod), entry.injection, defaultAdmissionOptions));
}

const pods = podArbitrary(['reports', 'default', 'no-region', 'global-sts', 'short-lived']);
const listsOf = ({ spec }: Pod): readonly Container[] => [...(spec.initContainers ?? []), ...spec.containers];

test('an injected pod is not changed again', () => {
  fc.assert(
    fc.property(pods, (pod) => {
      expect(injected(injected(pod))).toEqual(injected(pod));
    }),
    { numRuns: 1000 },
  );
});

test('nothing of the author is lost, changed or moved [F60]', () => {
  fc.assert(
    fc.property(pods, (pod) => {
      const after = injected(pod);
      expect(after.metadata).toEqual(pod.metadata);
      expect(after.spec.volumes?.slice(0, pod.spec.volumes?.length ?? 0) ?? []).toEqual(pod.spec.volumes ?? []);
      listsOf(pod).forEach((before, index) => {
        const { env = [], volumeMounts = [], ...rest } = listsOf(after)[index] ?? { name: '' };
        const { env: ownEnv = [], volumeMounts: ownMounts = [], ...own } = before;
        expect(rest).toEqual(own);
        expect(env.slice(0, ownEnv.length)).toEqual(ownEnv);
        expect(volumeMounts.slice(0, ownMounts.length)).toEqual(ownMounts);
      });
    }),
    { numRuns: 1000 },
  );
});

test('every container that is not skipped is complete, and names and paths stay unique', () => {
  fc.assert(
    fc.property(pods, (pod) => {
      const after = injected(pod);
      const skipped = (pod.metadata.annotations?.['eks.amazonaws.com/skip-containers'] ?? '')
        .split(',')
        .map((name) => name.replaceAll(/\p{White_Space}/gu, ''));
      for (const { name, env = [], volumeMounts = [] } of listsOf(after)) {
        const names = env.map((variable) => variable.name);
        expect(new Set(names).size).toBe(names.length);
        expect(new Set(volumeMounts.map(({ mountPath }) => mountPath)).size).toBe(volumeMounts.length);
        if (skipped.includes(name)) continue;
        expect(names).toEqual(expect.arrayContaining(['AWS_ROLE_ARN', 'AWS_WEB_IDENTITY_TOKEN_FILE']));
        expect(
          volumeMounts.some(
            (mount) => mount.name === 'aws-iam-token' || mount.mountPath.startsWith('/var/run/secrets/eks'),
          ),
        ).toBe(true);
      }
    }),
    { numRuns: 1000 },
  );
});
