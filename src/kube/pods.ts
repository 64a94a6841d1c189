import type { KubernetesResource, ResourceType } from './resource.ts';

export const PODS: ResourceType = { apiVersion: 'v1', kind: 'Pod', plural: 'pods', namespaced: true };

/** A field selector: a pod that has ended needs no credentials any more. */
export const NOT_ENDED = 'status.phase!=Succeeded,status.phase!=Failed';

/** The part of a container that decides whether it has its role. */
export interface PodContainer {
  readonly name: string;
  readonly env?: readonly EnvVariable[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
}

export interface EnvVariable {
  readonly name: string;
  /** Absent where the value comes from elsewhere, such as a Secret. */
  readonly value?: string;
}

/** The part of a pod that decides whether its containers have their role. */
export interface Pod extends KubernetesResource {
  readonly spec: {
    readonly serviceAccountName?: string;
    readonly volumes?: readonly PodVolume[];
    readonly containers: readonly PodContainer[];
    readonly initContainers?: readonly PodContainer[];
  };
  readonly status?: { readonly phase?: string };
}

export interface PodVolume {
  readonly name: string;
  readonly projected?: { readonly sources?: readonly { readonly serviceAccountToken?: object }[] };
}

/** The ServiceAccount that a pod runs as. */
export const serviceAccountOf = ({
  spec: { serviceAccountName = '' },
}: {
  readonly spec: { readonly serviceAccountName?: string | undefined };
}): string => (serviceAccountName === '' ? 'default' : serviceAccountName);
