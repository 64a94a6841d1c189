import * as fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { AdmittedPod } from '../../src/admission/webhook/admitted-pod.ts';
import { injectPod } from '../../src/admission/webhook/inject-pod.ts';
import { defaultAdmissionOptions } from '../../src/admission/options.ts';
import { parseEntry } from '../../src/kube/injection-table.ts';
import { applyPatch } from '../support/json-patch.ts';
import { podArbitrary } from '../support/pod-arbitrary.ts';
import { tableData } from './admission-expectations.ts';
import type { Pod } from './admission-pods.ts';
import { installPolicies, kubectl, list, namespaces } from './admission-scene.ts';

const PODS = 120;

beforeAll(installPolicies, 120_000);

/** What the API server makes of all of them, in one run of kubectl. Every one is a valid pod, so none may be refused. */
async function created(pods: readonly Pod[], namespace: string): Promise<readonly Pod[]> {
  const args = ['create', '--dry-run=server', '--validate=false', '-o', 'json', '-n', namespace, '-f', '-'];
  const answers = (await kubectl(args, list(pods))).split(/(?<=^\}\n)(?=\{)/m); // one document after the other
  return answers.map((answer) => JSON.parse(answer) as Pod);
}

/** The function of the webhook, on the pod as the API server has it before admission: with its defaults. */
function byFunction(pod: Pod): Pod['spec'] {
  const entry = parseEntry(tableData[pod.spec.serviceAccountName ?? ''] ?? '');
  if (entry.kind !== 'injection') throw new Error('the ServiceAccount has no role');
  const { spec } = applyPatch(pod, injectPod(AdmittedPod.parse(pod), entry.injection, defaultAdmissionOptions));
  const volumes = spec.volumes?.map((volume) =>
    volume.projected === undefined ? volume : { ...volume, projected: { ...volume.projected, defaultMode: 420 } },
  );
  return { ...spec, ...(volumes === undefined ? {} : { volumes }) };
}

test('the policy and the function of the webhook make the same of random pods, and the API server takes them all [F60]', async () => {
  const seed = Date.now() % 2 ** 31;
  const pods = fc.sample(podArbitrary(['reports', 'default', 'no-region', 'global-sts', 'short-lived']), {
    seed,
    numRuns: PODS,
  });
  const [plain, byPolicy] = await Promise.all([created(pods, namespaces.excluded), created(pods, namespaces.workload)]);
  expect(byPolicy).toHaveLength(PODS);
  byPolicy.forEach(({ spec }, index) => {
    const before = plain[index];
    if (before === undefined) throw new Error('a pod was lost');
    expect(spec, `seed ${seed}, pod ${index}: ${JSON.stringify(pods[index])}`).toEqual(byFunction(before));
  });
});
