/** Pods as their owners write them, and what matters of them once the API server has taken them in. */

export interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: object;
}

export interface VolumeMount {
  readonly name: string;
  readonly mountPath: string;
  readonly subPath?: string;
  readonly readOnly?: boolean;
}

export interface Container {
  readonly name: string;
  readonly image?: string;
  /** Always: an init container that runs beside the others, as a native sidecar. */
  readonly restartPolicy?: 'Always';
  readonly env?: readonly EnvVar[];
  readonly envFrom?: readonly object[];
  readonly volumeMounts?: readonly VolumeMount[];
}

export interface Volume {
  readonly name: string;
  readonly emptyDir?: object;
  readonly projected?: { readonly sources: readonly { readonly serviceAccountToken?: object }[] };
}

export interface Pod {
  readonly apiVersion: 'v1';
  readonly kind: 'Pod';
  readonly metadata: {
    readonly name?: string;
    readonly generateName?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly serviceAccountName?: string;
    readonly serviceAccount?: string;
    readonly containers: readonly Container[];
    readonly initContainers?: readonly Container[];
    readonly ephemeralContainers?: readonly Container[];
    readonly volumes?: readonly Volume[];
    readonly nodeSelector?: Readonly<Record<string, string>>;
    readonly os?: { readonly name: string };
    readonly nodeName?: string;
    readonly hostNetwork?: boolean;
    readonly automountServiceAccountToken?: boolean;
  };
}

/** What matters of a container: its environment and its AWS mounts as `volume at path`. */
export interface ContainerFacts {
  readonly env: Readonly<Record<string, string>>;
  readonly mounts: readonly string[];
}

export interface Facts {
  /** Of the projected token volume; undefined where the pod has none. */
  readonly token: object | undefined;
  readonly containers: Readonly<Record<string, ContainerFacts>>;
}

export const MOUNT_PATH = '/var/run/secrets/eks.amazonaws.com/serviceaccount';
const API_SERVER_MOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The facts of a pod as the API server returns it; the API server's own token is left out. */
export function factsOf({ spec }: Pod): Facts {
  const containers = [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])];
  const volume = spec.volumes?.find(({ name }) => name === 'aws-iam-token');
  return {
    token: volume?.projected?.sources[0]?.serviceAccountToken ?? volume?.emptyDir,
    containers: Object.fromEntries(containers.map((container) => [container.name, containerFacts(container)])),
  };
}

function containerFacts({ env = [], volumeMounts = [] }: Container): ContainerFacts {
  const own = volumeMounts.filter(({ mountPath }) => mountPath !== API_SERVER_MOUNT);
  return {
    env: Object.fromEntries(env.map(({ name, value, valueFrom }) => [name, value ?? JSON.stringify(valueFrom)])),
    mounts: own.map(
      ({ name, mountPath, readOnly }) => `${name} at ${mountPath}${readOnly === true ? ', read-only' : ''}`,
    ),
  };
}

export const app: Container = { name: 'app', image: 'example.org/app' };

/** Has everything that injection would give it. */
export const equipped: Container = {
  ...app,
  env: [
    { name: 'AWS_ROLE_ARN', value: 'arn:aws:iam::444455556666:role/own' },
    { name: 'AWS_WEB_IDENTITY_TOKEN_FILE', value: '/own/token' },
  ],
  volumeMounts: [{ name: 'aws-iam-token', mountPath: MOUNT_PATH }],
};
export const tokenVolume: Volume = { name: 'aws-iam-token', emptyDir: {} };

interface PodSketch extends Partial<Pod['spec']> {
  readonly annotations?: Readonly<Record<string, string>>;
  readonly generateName?: string;
}

/** A pod of ServiceAccount reports with one container, except for what is given. */
export function pod({ annotations = {}, generateName, ...spec }: PodSketch = {}): Pod {
  const name = generateName === undefined ? { name: 'app' } : { generateName };
  const byName = spec.serviceAccount === undefined ? { serviceAccountName: 'reports' } : {};
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...name, annotations },
    spec: { ...byName, containers: [app], ...spec },
  };
}
