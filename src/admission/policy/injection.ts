import { TABLE_NAME } from '../../kube/injection-table.ts';
import { and, type Cel, cel, code, concat, conditional, exists, not, or, patchAdd, typed } from './cel.ts';
import { mountsToken, setsOneOf, skippedContainers, TOKEN_VOLUME } from './container.ts';
import type { AdmissionOptions } from '../options.ts';
import { eligiblePod, entryWords, injectableInTable, injectionTable, podAnnotations } from './pod.ts';
import { type AdmissionObject, mutatingPolicy, named, type NamedExpression, podCreations } from './policy-object.ts';

const TOKEN_FILE = 'token';
// Kubernetes takes no shorter lifetime than 600 s; a day is what AWS documents as the longest for a web identity token.
const MIN_TOKEN_SECONDS = 600;
const MAX_TOKEN_SECONDS = 86_400;

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
      mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression: patches.source } }],
    },
  );
}

function variables(options: AdmissionOptions): readonly NamedExpression[] {
  const expiration = `${options.annotationPrefix}/token-expiration`;
  return [
    entryWords,
    named('annotations', podAnnotations),
    skippedContainers(options),
    named(
      'wantedSeconds',
      // 18 digits always fit an int64; anything else is not a number and counts as absent.
      cel`${expiration} in variables.annotations && variables.annotations[${expiration}].matches('^[0-9]{1,18}$') ? int(variables.annotations[${expiration}]) : int(variables.words[2])`,
    ),
    named(
      'tokenSeconds',
      cel`variables.wantedSeconds < ${MIN_TOKEN_SECONDS} ? ${MIN_TOKEN_SECONDS} : (variables.wantedSeconds > ${MAX_TOKEN_SECONDS} ? ${MAX_TOKEN_SECONDS} : variables.wantedSeconds)`,
    ),
    named('windows', or(nodeSelects('kubernetes.io/os'), nodeSelects('beta.kubernetes.io/os'), osIsWindows)),
    named('tokenFile', conditional(code('variables.windows'), windowsTokenFile(options), tokenFile(options))),
  ];
}

function nodeSelects(key: string): Cel {
  const selector = code('object.spec.nodeSelector');
  return cel`has(${selector}) && ${key} in ${selector} && ${selector}[${key}] == 'windows'`;
}

const osIsWindows = cel`has(object.spec.os) && object.spec.os.name == 'windows'`;

function tokenFile({ mountPath }: AdmissionOptions): string {
  return `${mountPath}/${TOKEN_FILE}`;
}

/** The mount path itself stays as it is: the kubelet puts it on drive C. */
function windowsTokenFile(options: AdmissionOptions): string {
  return `C:${tokenFile(options).replaceAll('/', '\\')}`;
}

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
}

const regionNames = ['AWS_REGION', 'AWS_DEFAULT_REGION'];

const injectedVariables: readonly InjectedVariable[] = [
  { name: 'AWS_ROLE_ARN', value: code('variables.words[0]'), unless: ['AWS_ROLE_ARN'] },
  {
    name: 'AWS_WEB_IDENTITY_TOKEN_FILE',
    value: code('variables.tokenFile'),
    unless: ['AWS_WEB_IDENTITY_TOKEN_FILE'],
  },
  ...regionNames.map((name) => ({
    name,
    value: code('variables.words[3]'),
    unless: regionNames,
  })),
  { name: 'AWS_STS_REGIONAL_ENDPOINTS', value: cel`${'regional'}`, unless: ['AWS_STS_REGIONAL_ENDPOINTS'] },
];

/** Patches of all containers of one list. Conditions look at the pod as it came; a missing list is added before its items. */
function containerPatches(list: 'containers' | 'initContainers', options: AdmissionOptions): readonly Cel[] {
  const type = `Object.spec.${list}`;
  const forEach = (conditions: readonly Cel[], field: string, value: Cel): Cel => {
    const path = cel`${`/spec/${list}/`} + string(i) + ${`/${field}`}`;
    const wanted = and(cel`!(container.name in variables.skipped)`, ...conditions);
    return cel`object.spec.${code(list)}.transformList(i, container, ${wanted}, JSONPatch{op: 'add', path: ${path}, value: ${value}})`;
  };
  const env = ({ name, value, unless }: InjectedVariable): Cel =>
    forEach([not(setsOneOf(unless))], 'env/-', typed(`${type}.env`, { name, value }));
  const mount = typed(`${type}.volumeMounts`, { name: TOKEN_VOLUME, mountPath: options.mountPath, readOnly: true });
  return [
    forEach([cel`!has(container.env)`], 'env', cel`[]`),
    ...injectedVariables.map(env),
    forEach([cel`!has(container.volumeMounts)`], 'volumeMounts', cel`[]`),
    forEach([not(mountsToken(options))], 'volumeMounts/-', mount),
  ];
}
