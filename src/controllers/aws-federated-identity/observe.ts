import type { Injection } from '../../crds/aws-pod-injection.ts';
import { INJECTION_TABLE } from '../../crds/aws-pod-injection.ts';
import type { RoleName } from '../../iam/arn.ts';
import type { Role, Roles } from '../../iam/roles.ts';
import { undefinedIfNotFound } from '../../kube/errors.ts';
import { type AwsFederatedIdentity, SERVICE_ACCOUNTS } from '../../kube/kinds.ts';
import { ownedMetadataOf } from '../../kube/owned-metadata.ts';
import type { KubernetesResource } from '../../kube/resource.ts';
import type { Dependencies } from './dependencies.ts';

/** The cluster's side of an identity as it is. */
export interface ObservedBinding {
  readonly serviceAccount: KubernetesResource | undefined;
  readonly injection: Injection | undefined;
  readonly bound: boolean;
}

/**
 * The role as IAM has it. An identity that never had one is not looked up: CreateRole itself says whether the name is
 * taken, which saves a call for every new identity.
 */
export async function observeRole(
  roles: Roles,
  { status }: AwsFederatedIdentity,
  name: RoleName,
  signal: AbortSignal,
): Promise<Role | undefined> {
  return status?.roleId === undefined ? undefined : roles.get(name, signal);
}

export async function observeBinding(
  { kubernetes, serviceAccounts, tables }: Dependencies,
  identity: AwsFederatedIdentity,
  signal: AbortSignal,
): Promise<ObservedBinding> {
  const { namespace } = identity.metadata;
  const { name } = identity.spec.serviceAccount;
  const table = tables.get({ namespace, name: INJECTION_TABLE });
  return {
    serviceAccount:
      serviceAccounts.get({ namespace, name }) ??
      (await kubernetes
        .get<KubernetesResource>(SERVICE_ACCOUNTS, { namespace, name }, signal)
        .catch(undefinedIfNotFound)),
    injection: table?.spec.serviceAccounts?.[name],
    bound: ownedMetadataOf(identity).bound,
  };
}
