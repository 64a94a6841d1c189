import * as fc from 'fast-check';
import { ApiError } from '../../src/kube/errors.ts';
import { type Container, MOUNT_PATH, type Pod, type VolumeMount } from '../integration/admission-pods.ts';
import { podArbitrary } from './pod-arbitrary.ts';
import type { Random } from './chaos-random.ts';

export const REQUEST_LABEL = 'chaos.test/request';
export const BATCH_LABEL = 'chaos.test/batch';
const OPT_OUT_SHARE = 0.05;

/** Random valid pods; each is told its ServiceAccount when it is sent. */
export function randomPods(seed: number, count: number, decisions: Random): readonly Pod[] {
  return fc.sample(podArbitrary(['default']), { seed, numRuns: count }).map((pod) => {
    if (!decisions.chance(OPT_OUT_SHARE)) return pod;
    const annotations = { ...pod.metadata.annotations, 'federatedidentity.dev/inject': 'false' };
    return { ...pod, metadata: { ...pod.metadata, annotations } };
  });
}

export const optsOut = ({ metadata }: Pod): boolean =>
  metadata.annotations?.['federatedidentity.dev/inject'] === 'false';

export type Outcome =
  | {
      readonly kind: 'created';
      /** It has no variable, mount or volume that its author did not write. */
      readonly untouched: boolean;
      /** Each container that is not skipped has role, token file and mount. A pod can be both, as its author wrote it. */
      readonly complete: boolean;
      /** What its author wrote is all there. */
      readonly kept: boolean;
      /** In containers whose author named none. */
      readonly roles: readonly string[];
      /** What the API server stored beyond what its author wrote. */
      readonly added: readonly string[];
    }
  | { readonly kind: 'denied'; readonly gate: string; readonly isReasoned: boolean; readonly message: string }
  /** Nothing was created, for a reason that is none of ours. */
  | { readonly kind: 'failed'; readonly message: string };

const containersOf = ({ spec }: Pod): readonly Container[] => [...(spec.initContainers ?? []), ...spec.containers];

const variablesOf = ({ env = [] }: Container): readonly string[] =>
  env.map(
    ({ name, value = '', valueFrom }) => `${name}=${valueFrom === undefined ? value : Object.keys(valueFrom).join()}`,
  );
const mountsOf = ({ volumeMounts = [] }: Container): readonly string[] =>
  volumeMounts.map(({ name, mountPath, readOnly = false }) => `${name} at ${mountPath} ${readOnly}`);

/** All that injection could add to or take from. */
const partsOf = (pod: Pod): readonly string[] => [
  ...(pod.spec.volumes ?? []).map(({ name, emptyDir }) => `${name} ${emptyDir === undefined ? 'other' : 'emptyDir'}`),
  ...containersOf(pod).flatMap((container) =>
    [...variablesOf(container), ...mountsOf(container)].map((part) => `${container.name}: ${part}`),
  ),
];

/** The token, or what the author has put in its place: the volume of its name, wherever it is, or something at its path. */
const isToken = ({ name, mountPath }: VolumeMount): boolean =>
  name === 'aws-iam-token' || mountPath.replace(/\/$/, '') === MOUNT_PATH;

function isComplete(pod: Pod): boolean {
  const skipped = (pod.metadata.annotations?.['eks.amazonaws.com/skip-containers'] ?? '')
    .split(',')
    .map((name) => name.replaceAll(/\p{White_Space}/gu, ''));
  return containersOf(pod)
    .filter(({ name }) => !skipped.includes(name))
    .every(({ env = [], volumeMounts = [] }) => {
      const names = env.map(({ name }) => name);
      return (
        names.includes('AWS_ROLE_ARN') && names.includes('AWS_WEB_IDENTITY_TOKEN_FILE') && volumeMounts.some(isToken)
      );
    });
}

const roleIn = ({ env = [] }: Container): string | undefined => env.find(({ name }) => name === 'AWS_ROLE_ARN')?.value;

/** What became of a pod that was created. */
export function createdOutcome(sent: Pod, stored: Pod): Outcome {
  const before = partsOf(sent);
  const after = partsOf(stored);
  const ownRole = new Set(
    containersOf(sent).flatMap(({ name, env = [] }) => (env.some((one) => one.name === 'AWS_ROLE_ARN') ? [name] : [])),
  );
  const roles = containersOf(stored).flatMap((container) =>
    ownRole.has(container.name) ? [] : [roleIn(container)].filter((role) => role !== undefined),
  );
  const kept = before.every((part) => after.includes(part));
  return {
    kind: 'created',
    untouched: kept && after.length === before.length,
    complete: isComplete(stored),
    kept,
    roles: [...new Set(roles)],
    added: after.filter((part) => !before.includes(part)),
  };
}

const DENIAL = /ValidatingAdmissionPolicy '(federated-identity-[a-z-]+)' with binding '[^']+' denied request: (.*)$/s;
const OUR_WORDS = [
  'is not ready (',
  'has the AWS role ',
  'was set or changed, and is not in force yet',
  'is not of the form',
  'is too large to be given',
];

/** What became of a pod that the API server refused; undefined where it may have been created all the same. */
export function refusedOutcome(error: unknown): Outcome | undefined {
  if (!(error instanceof ApiError)) return undefined;
  const [, gate, reason = ''] = DENIAL.exec(error.message) ?? [];
  if (gate !== undefined)
    return {
      kind: 'denied',
      gate,
      isReasoned: OUR_WORDS.some((words) => reason.includes(words)),
      message: error.message,
    };
  if (error.code >= 500) return undefined;
  return { kind: 'failed', message: `${error.code} ${error.message}` };
}
