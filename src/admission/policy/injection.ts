import { NO_REGION, TABLE_NAME } from '../../kube/injection-table.ts';
import { and, type Cel, cel, code, concat, conditional, exists, not, or, patchAdd, typed } from './cel.ts';
import { mountsToken, podSize, setsOneOf, skippedContainers, smallEnough } from './container.ts';
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
  STS_ENDPOINTS_VARIABLE,
  TOKEN_FILE,
  TOKEN_FILE_VARIABLE,
  TOKEN_VOLUME,
  tokenFile,
} from '../web-identity.ts';
import { eligiblePod, entryWords, injectableInTable, injectionTable, podAnnotations } from './pod.ts';
import { type AdmissionObject, mutatingPolicy, named, type NamedExpression, podCreations } from './policy-object.ts';

/**
 * The policy by which the API server itself gives a new pod its AWS identity: token volume, mount, environment. Same result
 * as the EKS pod identity webhook, except that a container with one of the two web identity variables gets the other one.
 * ONE mutation, as each costs the API server about 2 ms a pod.
 */
export function injectionPolicy(options: AdmissionOptions): readonly AdmissionObject[] {
  const initContainerPatches = concat(containerPatches('initContainers', options));
  const patches = concat([
    ...volumePatches(),
    ...containerPatches('containers', options),
    conditional(cel`has(object.spec.initContainers)`, initContainerPatches, cel`[]`),
  ]);
  return mutatingPolicy(
    {
      name: 'federated-identity-injection',
      description: `Injects an AWS web identity token into pods whose ServiceAccount has a role in ConfigMap ${TABLE_NAME}.`,
      paramRef: injectionTable.paramRef,
    },
    {
      failurePolicy: 'Fail',
      // Containers that a later policy or webhook adds are injected too.
      reinvocationPolicy: 'IfNeeded',
      matchConstraints: podCreations(options),
      paramKind: injectionTable.paramKind,
      matchConditions: [...eligiblePod, injectableInTable],
      variables: variables(options),
      // A pod that is too large gets nothing here; the table gate denies it and says why.
      mutations: [
        { patchType: 'JSONPatch', jsonPatch: { expression: conditional(smallEnough, patches, cel`[]`).source } },
      ],
    },
  );
}

function variables(options: AdmissionOptions): readonly NamedExpression[] {
  const expiration = expirationAnnotation(options);
  return [
    entryWords,
    podSize(options),
    named('annotations', podAnnotations),
    ...skippedContainers(options),
    named(
      'wantedSeconds',
      cel`${annotationMatches(expiration, EXPIRATION_PATTERN)} ? int(variables.annotations[${expiration}]) : int(variables.words[2])`,
    ),
    named(
      'tokenSeconds',
      cel`variables.wantedSeconds < ${MIN_TOKEN_SECONDS} ? ${MIN_TOKEN_SECONDS} : (variables.wantedSeconds > ${MAX_TOKEN_SECONDS} ? ${MAX_TOKEN_SECONDS} : variables.wantedSeconds)`,
    ),
    named('windows', or(...OS_LABELS.map(selectsWindows), osIsWindows)),
    named(
      'tokenFile',
      conditional(code('variables.windows'), tokenFile(options, 'windows'), tokenFile(options, 'linux')),
    ),
    named(
      'region',
      cel`${annotationMatches(REGION_ANNOTATION, REGION_PATTERN)} ? variables.annotations[${REGION_ANNOTATION}] : variables.words[3]`,
    ),
  ];
}

const annotationMatches = (name: string, pattern: string): Cel =>
  cel`${name} in variables.annotations && variables.annotations[${name}].matches(${pattern})`;

function selectsWindows(key: string): Cel {
  const selector = code('object.spec.nodeSelector');
  return cel`has(${selector}) && ${key} in ${selector} && ${selector}[${key}] == 'windows'`;
}

const osIsWindows = cel`has(object.spec.os) && object.spec.os.name == 'windows'`;

function volumePatches(): readonly Cel[] {
  const token = typed('Object.spec.volumes.projected.sources.serviceAccountToken', {
    audience: code('variables.words[1]'),
    expirationSeconds: code('variables.tokenSeconds'),
    path: TOKEN_FILE,
  });
  const source = typed('Object.spec.volumes.projected.sources', { serviceAccountToken: token });
  const volume = typed('Object.spec.volumes', {
    name: TOKEN_VOLUME,
    projected: typed('Object.spec.volumes.projected', { sources: cel`[${source}]` }),
  });
  return [
    patchAdd(not(cel`has(object.spec.volumes)`), '/spec/volumes', cel`[]`),
    patchAdd(not(exists(code('object.spec.volumes'), cel`it.name == ${TOKEN_VOLUME}`)), '/spec/volumes/-', volume),
  ];
}

interface InjectedVariable {
  readonly name: string;
  readonly value: Cel;
  /** A container that has one of these keeps what it has. */
  readonly unless: readonly string[];
  /** Whether pods get the variable at all. */
  readonly wanted?: Cel;
}

const injectedVariables: readonly InjectedVariable[] = [
  { name: ROLE_VARIABLE, value: code('variables.words[0]'), unless: [ROLE_VARIABLE] },
  { name: TOKEN_FILE_VARIABLE, value: code('variables.tokenFile'), unless: [TOKEN_FILE_VARIABLE] },
  ...REGION_VARIABLES.map((name) => ({
    name,
    value: code('variables.region'),
    unless: REGION_VARIABLES,
    wanted: cel`variables.region != ${NO_REGION}`,
  })),
  {
    name: STS_ENDPOINTS_VARIABLE,
    value: cel`${'regional'}`,
    unless: [STS_ENDPOINTS_VARIABLE],
    // A fifth word says that the global endpoint is wanted.
    wanted: cel`size(variables.words) == 4`,
  },
];

/** Patches of all containers of one list. Conditions look at the pod as it came; a missing list is added before its items. */
function containerPatches(list: 'containers' | 'initContainers', options: AdmissionOptions): readonly Cel[] {
  const type = `Object.spec.${list}`;
  const forEach = (conditions: readonly Cel[], field: string, value: Cel): Cel => {
    const path = cel`${`/spec/${list}/`} + string(i) + ${`/${field}`}`;
    const wanted = and(cel`!(container.name in variables.skipped)`, ...conditions);
    return cel`object.spec.${code(list)}.transformList(i, container, ${wanted}, JSONPatch{op: 'add', path: ${path}, value: ${value}})`;
  };
  const env = ({ name, value, unless, wanted }: InjectedVariable): Cel =>
    forEach(
      [...(wanted === undefined ? [] : [wanted]), not(setsOneOf(unless))],
      'env/-',
      typed(`${type}.env`, { name, value }),
    );
  const mount = typed(`${type}.volumeMounts`, { name: TOKEN_VOLUME, mountPath: options.mountPath, readOnly: true });
  return [
    forEach([cel`!has(container.env)`], 'env', cel`[]`),
    ...injectedVariables.map(env),
    forEach([cel`!has(container.volumeMounts)`], 'volumeMounts', cel`[]`),
    forEach([not(mountsToken(options))], 'volumeMounts/-', mount),
  ];
}
