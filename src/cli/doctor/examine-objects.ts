import { identityInput, providerNotFound } from '../../controllers/aws-federated-identity/accept.ts';
import {
  type Desired,
  desiredState,
  type IdentityInput,
  type ProviderInput,
} from '../../controllers/aws-federated-identity/desired.ts';
import { requireSameAccount } from '../../controllers/aws-federated-identity/same-account.ts';
import { AwsOidcProviderSpec } from '../../crds/aws-oidc-provider.ts';
import { terminal } from '../../errors.ts';
import { oidcProviderArn, type OidcProviderArn, RoleArn } from '../../iam/arn.ts';
import { partitionOfRegion } from '../../iam/partition.ts';
import type { AwsFederatedIdentity, AwsOidcProvider } from '../../kube/kinds.ts';
import { checkNeighbours } from '../plan-identity.ts';
import type { Subject } from './diagnose.ts';

export interface Objects {
  readonly input: IdentityInput;
  readonly spec: AwsOidcProviderSpec;
  readonly says: string;
}

/** The two objects: that they are there, can be read, and are not on their way out. What the operator made of them only warns. */
export function examineObjects({ identity, provider }: Subject, warn: (warning: string) => void): Objects {
  const input = identityInput(identity);
  const { name } = input.spec.providerRef;
  if (provider === undefined) throw providerNotFound(name);
  const spec = AwsOidcProviderSpec.safeParse(provider.spec);
  if (!spec.success) {
    const problems = spec.error.issues.map(({ path, message }) => `spec.${path.join('.')}: ${message}`).join('; ');
    throw terminal('InvalidSpec', `AwsOidcProvider "${name}": ${problems}. Correct its spec.`);
  }
  if (identity.metadata.deletionTimestamp !== undefined) {
    throw terminal(
      'Deleting',
      'The identity is being deleted, and its role with it. kubectl describe shows what it waits for.',
    );
  }
  if (provider.metadata.deletionTimestamp !== undefined) {
    throw terminal('Deleting', `AwsOidcProvider "${name}" is being deleted: no identity can use it any more.`);
  }
  if (input.spec.suspend) warn('spec.suspend is true: the operator changes nothing until it is false.');
  for (const object of [identity, provider]) warnOfOperator(object, warn);
  return {
    input,
    spec: spec.data,
    says: `the identity and AwsOidcProvider "${name}" (account ${spec.data.accountId}) are there`,
  };
}

/** What the operator made of an object; doctor looks for itself, so that it only warns. */
function warnOfOperator(object: AwsFederatedIdentity | AwsOidcProvider, warn: (warning: string) => void): void {
  const { generation, name, namespace } = object.metadata;
  const what = namespace === undefined ? `AwsOidcProvider "${name}"` : 'the identity';
  const ready = object.status?.conditions?.find(({ type }) => type === 'Ready');
  if (ready?.observedGeneration !== generation) {
    warn(
      `The operator has not looked at ${what} as it is now. Does it run? kubectl get pods -n federated-identity-system`,
    );
  } else if (ready?.status !== 'True') {
    warn(`The operator says of ${what}: ${ready?.reason}: ${ready?.message}`);
  }
}

export interface Accepted {
  readonly state: Desired;
  /** Where the role is, or would be. */
  readonly roleArn: RoleArn;
  readonly says: string;
}

/** What the platform team allows: the same checks as the operator's, on what the specs say now. */
export function examineGuardrails(
  { identity, neighbours, namespaceLabels, provider: object, clusterId }: Subject,
  input: IdentityInput,
  provider: Omit<ProviderInput, 'arn'>,
  found: OidcProviderArn | undefined,
): Accepted {
  const partition = object?.status?.partition ?? partitionOfRegion(provider.spec.region);
  const arn = found ?? oidcProviderArn(partition, provider.spec.accountId, provider.issuer);
  const state = desiredState(input, { ...provider, arn }, clusterId);
  const context = { identities: neighbours, namespaceLabels: () => namespaceLabels };
  checkNeighbours(context, input, { ...provider, arn });
  requireSameAccount(identity, provider.spec.accountId);
  const { path, name } = state.role;
  const roleArn = RoleArn.parse(`arn:${partition}:iam::${provider.spec.accountId}:role${path}${name}`);
  return { state, roleArn, says: `AwsOidcProvider "${provider.name}" allows what the spec asks for` };
}
