import type { Injection } from '../../kube/injection-table.ts';
import type { AdmissionOptions } from '../options.ts';
import {
  EXPIRATION_PATTERN,
  expirationAnnotation,
  MAX_TOKEN_SECONDS,
  MIN_TOKEN_SECONDS,
  OS_LABELS,
  REGION_ANNOTATION,
  REGION_PATTERN,
  REGION_VARIABLES,
  ROLE_VARIABLE,
  skippedNames,
  STS_ENDPOINTS_VARIABLE,
  TOKEN_FILE,
  TOKEN_FILE_VARIABLE,
  TOKEN_VOLUME,
  tokenFile,
  tokenPlaces,
} from '../web-identity.ts';
import type { AdmittedContainer, AdmittedPod } from './admitted-pod.ts';

/** An operation of RFC 6902. Injection only ever adds: what a pod has of its own wins. */
export interface JsonPatchOperation {
  readonly op: 'add';
  /** A JSON pointer (RFC 6901). */
  readonly path: string;
  readonly value: unknown;
}

export type InjectionOptions = Pick<AdmissionOptions, 'mountPath' | 'annotationPrefix'>;

/**
 * What the policy of src/admission/policy/injection.ts does to a pod, as a pure function for the webhook: the same table of
 * cases and a property test hold the two together. Gives no operation where nothing is missing.
 */
export function injectPod(
  pod: AdmittedPod,
  injection: Injection,
  options: InjectionOptions,
): readonly JsonPatchOperation[] {
  const skipped = skippedNames(pod.metadata.annotations, options);
  const variables = injectedVariables(pod, injection, options);
  const ofContainers = (list: 'containers' | 'initContainers'): readonly JsonPatchOperation[] =>
    (pod.spec[list] ?? []).flatMap((container, index) =>
      skipped.has(container.name)
        ? []
        : containerOperations(container, `/spec/${list}/${index}`, { variables, options }),
    );
  return [
    ...volumeOperations(pod, injection, options),
    ...ofContainers('containers'),
    ...ofContainers('initContainers'),
  ];
}

function volumeOperations(
  pod: AdmittedPod,
  { audience, tokenExpirationSeconds }: Injection,
  options: InjectionOptions,
): readonly JsonPatchOperation[] {
  const { volumes } = pod.spec;
  if (volumes?.some(({ name }) => name === TOKEN_VOLUME) === true) return [];
  const wanted = annotation(pod, expirationAnnotation(options), EXPIRATION_PATTERN);
  const seconds = wanted === undefined ? tokenExpirationSeconds : Number(wanted);
  const expirationSeconds = Math.min(Math.max(seconds, MIN_TOKEN_SECONDS), MAX_TOKEN_SECONDS);
  const source = { serviceAccountToken: { audience, expirationSeconds, path: TOKEN_FILE } };
  return append('/spec/volumes', volumes, [{ name: TOKEN_VOLUME, projected: { sources: [source] } }]);
}

interface InjectedVariable {
  readonly name: string;
  readonly value: string;
  /** A container that has one of these keeps what it has. */
  readonly unless: readonly string[];
}

function injectedVariables(
  pod: AdmittedPod,
  { roleArn, region: tableRegion, stsRegionalEndpoints = true }: Injection,
  options: InjectionOptions,
): readonly InjectedVariable[] {
  const region = annotation(pod, REGION_ANNOTATION, REGION_PATTERN) ?? tableRegion;
  const regions = region === undefined ? [] : REGION_VARIABLES.map((name) => ({ name, value: region }));
  const file = tokenFile(options, isForWindows(pod) ? 'windows' : 'linux');
  return [
    { name: ROLE_VARIABLE, value: roleArn, unless: [ROLE_VARIABLE] },
    { name: TOKEN_FILE_VARIABLE, value: file, unless: [TOKEN_FILE_VARIABLE] },
    ...regions.map((variable) => ({ ...variable, unless: REGION_VARIABLES })),
    ...(stsRegionalEndpoints
      ? [{ name: STS_ENDPOINTS_VARIABLE, value: 'regional', unless: [STS_ENDPOINTS_VARIABLE] }]
      : []),
  ];
}

/** The value of an annotation, if it is of the pattern. */
function annotation({ metadata }: AdmittedPod, name: string, pattern: string): string | undefined {
  const value = metadata.annotations?.[name];
  return value !== undefined && new RegExp(pattern).test(value) ? value : undefined;
}

const isForWindows = ({ spec }: AdmittedPod): boolean =>
  OS_LABELS.some((label) => spec.nodeSelector?.[label] === 'windows') || spec.os?.name === 'windows';

interface Given {
  readonly variables: readonly InjectedVariable[];
  readonly options: InjectionOptions;
}

function containerOperations(
  { env, volumeMounts }: AdmittedContainer,
  path: string,
  { variables, options }: Given,
): readonly JsonPatchOperation[] {
  const own = new Set(env?.map(({ name }) => name));
  const missing = variables.filter(({ unless }) => !unless.some((name) => own.has(name)));
  const places = tokenPlaces(options);
  const mounted = volumeMounts?.some(({ name, mountPath }) => name === TOKEN_VOLUME || places.includes(mountPath));
  const mount = { name: TOKEN_VOLUME, mountPath: options.mountPath, readOnly: true };
  return [
    ...append(
      `${path}/env`,
      env,
      missing.map(({ name, value }) => ({ name, value })),
    ),
    ...append(`${path}/volumeMounts`, volumeMounts, mounted === true ? [] : [mount]),
  ];
}

/** A list that is not there is added whole. */
function append(
  path: string,
  present: readonly unknown[] | undefined,
  items: readonly unknown[],
): readonly JsonPatchOperation[] {
  if (items.length === 0) return [];
  if (present === undefined || present.length === 0) return [{ op: 'add', path, value: items }];
  return items.map((value) => ({ op: 'add', path: `${path}/-`, value }));
}
