import {
  type AwsFederatedIdentitySpec,
  AwsFederatedIdentityKind,
  type AwsFederatedIdentityStatus,
} from '../crds/aws-federated-identity.ts';
import {
  AwsOidcProviderKind,
  type AwsOidcProviderSpec,
  type AwsOidcProviderStatus,
} from '../crds/aws-oidc-provider.ts';
import { API_VERSION, type Kind } from '../crds/manifest.ts';
import type { KubernetesResource, ResourceType } from './resource.ts';

export interface AwsFederatedIdentity extends KubernetesResource {
  readonly spec: AwsFederatedIdentitySpec;
  readonly status?: AwsFederatedIdentityStatus;
}

export interface AwsOidcProvider extends KubernetesResource {
  readonly spec: AwsOidcProviderSpec;
  readonly status?: AwsOidcProviderStatus;
}

const ours = ({ kind, plural, scope }: Kind): ResourceType => ({
  apiVersion: API_VERSION,
  kind,
  plural,
  namespaced: scope === 'Namespaced',
});

export const IDENTITIES = ours(AwsFederatedIdentityKind);
export const PROVIDERS = ours(AwsOidcProviderKind);
export const SERVICE_ACCOUNTS: ResourceType = {
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
  namespaced: true,
};
export const NAMESPACES: ResourceType = {
  apiVersion: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  namespaced: false,
};

/** Held by an object of ours as long as it may have something in AWS. */
export const FINALIZER = 'federatedidentity.dev/aws';
/** On an identity: the injection table says the right thing about its ServiceAccount. Only the operator may set it. */
export const BOUND_LABEL = 'federatedidentity.dev/bound';
/** On a ServiceAccount: the operator annotates it, and so watches it. */
export const MANAGED_LABEL = 'federatedidentity.dev/managed';
/** On a ServiceAccount annotated by hand: whether the injection table already says what its annotations say. */
export const INJECTION_LABEL = 'federatedidentity.dev/injection';
