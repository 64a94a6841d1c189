import { waiting } from '../../errors.ts';
import { type Injection, tableEntry } from '../../kube/injection-table.ts';
import { MANAGED_LABEL } from '../../kube/kinds.ts';
import type { KubernetesResource, OwnerReference } from '../../kube/resource.ts';
import type { ObservedBinding } from './observe.ts';

/** One write to the API server. In the order of the list, a pod is never admitted without what the table promises. */
export type BindingAction =
  | { readonly type: 'PutTableEntry'; readonly entry: string }
  | { readonly type: 'ApplyServiceAccount'; readonly serviceAccount: KubernetesResource }
  | { readonly type: 'MarkBound' };

export interface DesiredBinding {
  readonly namespace: string;
  readonly serviceAccount: { readonly name: string; readonly create: boolean };
  readonly injection: Injection;
  /** Put on a ServiceAccount that the operator makes, so that it goes with the identity. */
  readonly owner: OwnerReference;
}

/** The annotations of the EKS webhook, so that ServiceAccounts look as on EKS and work with its tools. */
export const annotationsOf = ({
  roleArn,
  audience,
  tokenExpirationSeconds,
  stsRegionalEndpoints = true,
}: Injection): Readonly<Record<string, string>> => ({
  'eks.amazonaws.com/role-arn': roleArn,
  'eks.amazonaws.com/audience': audience,
  'eks.amazonaws.com/token-expiration': String(tokenExpirationSeconds),
  'eks.amazonaws.com/sts-regional-endpoints': String(stsRegionalEndpoints),
});

/** What to write in the cluster. Throws ServiceAccountNotFound where it is missing and must not be created. */
export function planBinding(desired: DesiredBinding, observed: ObservedBinding): readonly BindingAction[] {
  const serviceAccount = desiredServiceAccount(desired, observed.serviceAccount);
  const entry = tableEntry(desired.injection);
  return [
    ...(entry === observed.entry ? [] : [{ type: 'PutTableEntry', entry } as const]),
    ...(inSync(serviceAccount, observed.serviceAccount)
      ? []
      : [{ type: 'ApplyServiceAccount', serviceAccount } as const]),
    ...(observed.bound ? [] : [{ type: 'MarkBound' } as const]),
  ];
}

/** Whether the operator made the ServiceAccount for this identity. */
export const isMadeFor = (owner: Pick<OwnerReference, 'uid'>, serviceAccount: KubernetesResource): boolean =>
  serviceAccount.metadata.ownerReferences?.some(({ uid }) => uid === owner.uid) === true;

function desiredServiceAccount(
  { namespace, serviceAccount: { name, create }, injection, owner }: DesiredBinding,
  observed: KubernetesResource | undefined,
): KubernetesResource {
  if (observed === undefined && !create) {
    throw waiting(
      'ServiceAccountNotFound',
      `ServiceAccount ${namespace}/${name} does not exist, and spec.serviceAccount.create is false. Create it, or set create to true.`,
      15_000,
    );
  }
  const ours = observed === undefined || isMadeFor(owner, observed);
  return {
    metadata: {
      namespace,
      name,
      labels: { [MANAGED_LABEL]: 'true' },
      annotations: annotationsOf(injection),
      ...(ours ? { ownerReferences: [owner] } : {}),
    },
  };
}

function inSync({ metadata: want }: KubernetesResource, observed: KubernetesResource | undefined): boolean {
  if (observed === undefined) return false;
  const { labels = {}, annotations = {} } = observed.metadata;
  return (
    labels[MANAGED_LABEL] === 'true' &&
    Object.entries(want.annotations ?? {}).every(([key, value]) => annotations[key] === value)
  );
}
