import { AwsFederatedIdentitySpec } from '../../crds/aws-federated-identity.ts';
import { AwsOidcProviderSpec } from '../../crds/aws-oidc-provider.ts';
import { type ReconcileError, terminal, waiting } from '../../errors.ts';
import type { AwsFederatedIdentity, AwsOidcProvider } from '../../kube/kinds.ts';
import { selects } from '../../kube/label-selector.ts';
import type { IdentityInput, ProviderInput } from './desired.ts';

const PROVIDER_RETRY_MS = 30_000;

/** The identity with its spec as today's schema reads it: an object that an older version stored may not fit any more. */
export function identityInput({ metadata, spec: stored, status }: AwsFederatedIdentity): IdentityInput {
  const { namespace = '', name = '', uid = '' } = metadata;
  const spec = AwsFederatedIdentitySpec.safeParse(stored);
  if (spec.success) return { namespace, name, uid, spec: spec.data, roleArn: status?.roleArn };
  const problems = spec.error.issues.map(({ path, message }) => `spec.${path.join('.')}: ${message}`).join('; ');
  throw terminal('InvalidSpec', `${problems}. Correct the spec.`);
}

export const providerNotFound = (name: string): ReconcileError =>
  waiting(
    'ProviderNotFound',
    `AwsOidcProvider "${name}" does not exist. Correct spec.providerRef.name in a new AwsFederatedIdentity, or ask the platform team to create it.`,
    PROVIDER_RETRY_MS,
  );

/** The provider that the identity refers to, once it can be used. A change of the provider wakes the identity. */
export function usableProvider(name: string, provider: AwsOidcProvider | undefined): ProviderInput {
  if (provider === undefined) throw providerNotFound(name);
  const { status, metadata } = provider;
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  const isDeleting = metadata.deletionTimestamp !== undefined;
  const isUsable = ready?.status === 'True' && ready.observedGeneration === metadata.generation;
  if (isDeleting || !isUsable || status?.arn === undefined || status.issuer === undefined) {
    const why = isDeleting ? 'it is being deleted' : (ready?.message ?? 'it has not been looked at yet');
    throw waiting('ProviderNotReady', `AwsOidcProvider "${name}" is not ready: ${why}`, PROVIDER_RETRY_MS);
  }
  return { name, spec: AwsOidcProviderSpec.parse(provider.spec), arn: status.arn, issuer: status.issuer };
}

/**
 * The identity that has the ServiceAccount: of all that name it, the oldest. Creation times are whole seconds; of equally
 * old ones it is that which has a role already, else that with the lowest UID. The others are refused.
 */
export const claimant = (identities: readonly AwsFederatedIdentity[]): AwsFederatedIdentity | undefined =>
  identities.toSorted((a, b) => (seniority(a) < seniority(b) ? -1 : 1))[0];

const seniority = ({ metadata: { creationTimestamp = '', uid = '' }, status }: AwsFederatedIdentity): string =>
  `${creationTimestamp}/${status?.roleId === undefined ? 'new' : 'has'}/${uid}`;

/** What the admission of an identity to its provider rests on, beside the two specs. */
export interface Surroundings {
  /** All identities of the namespace that refer to the provider, this one among them. */
  readonly siblings: readonly AwsFederatedIdentity[];
  /** Labels of the namespace; undefined where no selector asks for them. */
  readonly namespaceLabels: Readonly<Record<string, string>> | undefined;
  /** Namespaces whose pods the admission policies never look at. */
  readonly excludedNamespaces: readonly string[];
}

/** Throws a terminal error when the provider's guardrails refuse the namespace, or its number of identities. */
export function checkNamespace(
  { namespace, uid }: IdentityInput,
  provider: ProviderInput,
  { siblings, namespaceLabels, excludedNamespaces }: Surroundings,
): void {
  if (excludedNamespaces.includes(namespace)) {
    throw terminal(
      'NamespaceNotAllowed',
      `Pods of namespace ${namespace} are never injected, so that the cluster can always start. Move the workload to another namespace.`,
    );
  }
  const { namespaceSelector, maxIdentitiesPerNamespace = DEFAULT_MAX_IDENTITIES } = provider.spec.guardrails ?? {};
  if (namespaceSelector !== undefined && !selects(namespaceSelector, namespaceLabels ?? {})) {
    throw terminal(
      'NamespaceNotAllowed',
      `AwsOidcProvider "${provider.name}" does not serve namespace ${namespace}: its labels do not match spec.guardrails.namespaceSelector. Use another provider, or ask the platform team to label the namespace.`,
    );
  }
  if (siblings.length <= maxIdentitiesPerNamespace) return;
  const older = siblings
    .toSorted((a, b) => (seniority(a) < seniority(b) ? -1 : 1))
    .findIndex(({ metadata }) => metadata.uid === uid);
  if (older >= maxIdentitiesPerNamespace) {
    throw terminal(
      'TooManyIdentities',
      `Namespace ${namespace} may have ${maxIdentitiesPerNamespace} identities of AwsOidcProvider "${provider.name}", and has ${siblings.length}. Delete some, or ask the platform team to raise spec.guardrails.maxIdentitiesPerNamespace there.`,
    );
  }
}

/** As the schema of AwsOidcProvider says for a provider that has guardrails. */
const DEFAULT_MAX_IDENTITIES = 100;
