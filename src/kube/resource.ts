import type { V1ObjectMeta } from '@kubernetes/client-node';

/** What every object has; dates stay the strings of the wire. */
export interface KubernetesResource {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMeta;
}

export type ObjectMeta = Readonly<
  Pick<
    V1ObjectMeta,
    'name' | 'namespace' | 'uid' | 'resourceVersion' | 'generation' | 'labels' | 'annotations' | 'finalizers'
  >
> & {
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly ownerReferences?: readonly OwnerReference[];
};

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
}

/** Where the API server serves a kind. */
export interface ResourceType {
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

export interface ObjectName {
  readonly namespace?: string | undefined;
  readonly name: string;
}

export const nameOf = ({ metadata: { namespace, name = '' } }: KubernetesResource): ObjectName => ({ namespace, name });

/** `/api/v1/…` for the core group, `/apis/<group>/<version>/…` for all others. */
export function resourcePath(
  { apiVersion, plural, namespaced }: ResourceType,
  { namespace, name }: Partial<ObjectName> = {},
): string {
  const group = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const scope = namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${group}${scope}/${plural}${name === undefined ? '' : `/${encodeURIComponent(name)}`}`;
}
