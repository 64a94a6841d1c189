import type { AdmissionOptions } from '../../admission/options.ts';
import {
  hasOptedOut,
  isMirrorPod,
  ROLE_VARIABLE,
  skippedNames,
  TOKEN_FILE_VARIABLE,
  TOKEN_VOLUME,
  tokenPlaces,
} from '../../admission/web-identity.ts';
import type { RoleArn } from '../../iam/arn.ts';
import type { Pod, PodContainer } from '../../kube/pods.ts';

/** Where an injected container has its token, and which containers are left alone. */
export type InjectionForm = Pick<AdmissionOptions, 'mountPath' | 'annotationPrefix'>;

/** What became of a pod's injection. */
export type Injection =
  | { readonly kind: 'injected' }
  /** The first container that lacks the role, the token file or its mount. */
  | { readonly kind: 'notInjected'; readonly container: string }
  /** The pod was injected with another role than new pods get. */
  | { readonly kind: 'stale'; readonly roleArn: string };

export interface Judgement {
  readonly injection: Injection;
  /** The first container with variables that SDKs prefer to the token, and the variable. */
  readonly override: { readonly container: string; readonly variable: string } | undefined;
}

/**
 * Looks at a pod as the table gate does (src/admission/policy/table-gate.ts), and beyond it at the role that new pods of its
 * ServiceAccount get. Undefined for a pod that is none of ours: opted out, a mirror pod, or about to go.
 */
export function judgePod(pod: Pod, roleArn: RoleArn, form: InjectionForm): Judgement | undefined {
  const { annotations, deletionTimestamp } = pod.metadata;
  if (hasOptedOut(annotations) || isMirrorPod(annotations) || deletionTimestamp !== undefined) return undefined;
  const containers = injectedContainers(pod, form);
  return { injection: injectionOf(pod, { containers, roleArn, form }), override: overrideOf(containers) };
}

function injectedContainers({ metadata, spec }: Pod, form: InjectionForm): readonly PodContainer[] {
  const skipped = skippedNames(metadata.annotations, form);
  return [...(spec.initContainers ?? []), ...spec.containers].filter(({ name }) => !skipped.has(name));
}

interface Wanted {
  readonly containers: readonly PodContainer[];
  readonly roleArn: RoleArn;
  readonly form: InjectionForm;
}

function injectionOf(pod: Pod, { containers, roleArn, form }: Wanted): Injection {
  const bare = containers.find((container) => !isEquipped(container, form));
  if (bare !== undefined) return { kind: 'notInjected', container: bare.name };
  const roles = containers.flatMap(({ env = [] }) =>
    env.flatMap(({ name, value }) => (name === ROLE_VARIABLE && value !== undefined ? [value] : [])),
  );
  const [other] = roles;
  // All containers are injected at once: where one has today's role, the role of another one is its author's wish.
  if (other === undefined || roles.some((role) => role === roleArn) || !hasTokenVolume(pod))
    return { kind: 'injected' };
  return { kind: 'stale', roleArn: other };
}

function isEquipped({ env = [], volumeMounts = [] }: PodContainer, form: InjectionForm): boolean {
  const sets = (variable: string): boolean => env.some(({ name }) => name === variable);
  const mountsToken = volumeMounts.some(
    ({ name, mountPath }) => name === TOKEN_VOLUME || tokenPlaces(form).includes(mountPath),
  );
  return sets(ROLE_VARIABLE) && sets(TOKEN_FILE_VARIABLE) && mountsToken;
}

/** Without it, the author of the pod does federation by hand. */
const hasTokenVolume = ({ spec: { volumes = [] } }: Pod): boolean =>
  volumes.some(
    ({ name, projected }) =>
      name === TOKEN_VOLUME && projected?.sources?.some((source) => source.serviceAccountToken !== undefined) === true,
  );

/** In the chain of every AWS SDK, static keys and a profile come before the web identity token. */
const OVERRIDES: ReadonlySet<string> = new Set(['AWS_ACCESS_KEY_ID', 'AWS_PROFILE']);

function overrideOf(containers: readonly PodContainer[]): Judgement['override'] {
  for (const { name: container, env = [] } of containers) {
    const variable = env.find(({ name }) => OVERRIDES.has(name));
    if (variable !== undefined) return { container, variable: variable.name };
  }
  return undefined;
}
