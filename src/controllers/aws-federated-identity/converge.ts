import { terminal } from '../../errors.ts';
import { toKubernetesError } from '../../kube/errors.ts';
import { type AwsFederatedIdentity, IDENTITIES, NAMESPACES } from '../../kube/kinds.ts';
import { applyOwnedMetadata, ownedMetadataOf } from '../../kube/owned-metadata.ts';
import type { KubernetesResource } from '../../kube/resource.ts';
import { API_VERSION } from '../../crds/manifest.ts';
import { checkNamespace, claimant, identityInput, type Surroundings, usableProvider } from './accept.ts';
import { type ApplyContext, applyBinding } from './apply.ts';
import type { ConvergeContext, Dependencies } from './dependencies.ts';
import { type Desired, desiredState, type IdentityInput, type ProviderInput } from './desired.ts';
import { type EnsuredRole, ensureRole } from './ensure-role.ts';
import { observeBinding } from './observe.ts';
import { planBinding } from './plan-binding.ts';
import { isProven, PROVEN_BY_PROVIDER, PROVEN_BY_TOKEN, requireProvenProvider, verifyFederation } from './verify.ts';

/** Brings AWS and the cluster to what the spec says, step by step: each step is a condition, and the first failure ends it. */
export async function converge(
  dependencies: Dependencies,
  identity: AwsFederatedIdentity,
  context: ConvergeContext,
): Promise<void> {
  const { progress } = context;
  const { providerRef, serviceAccount } = identity.spec;
  const provider = await progress.run(
    'ResolvedRefs',
    () => usableProvider(providerRef.name, dependencies.providers.get(providerRef)),
    ({ name }) => `AwsOidcProvider "${name}" is ready.`,
  );
  const desired = await progress.run(
    'Accepted',
    async () => {
      const input = identityInput(identity);
      const accepted = desiredState(input, provider, dependencies.cluster);
      checkNamespace(input, provider, await surroundingsOf(dependencies, input, provider, context.signal));
      await claimServiceAccount(dependencies, identity, context);
      return accepted;
    },
    () => 'The spec is valid and within the guardrails of the provider.',
  );
  const role = await progress.run(
    'RoleReady',
    () => ensureRole(dependencies, identity, desired, context),
    ({ arn }) => `IAM role ${arn} is as the spec says.`,
  );
  await progress.run(
    'ServiceAccountReady',
    () => bind(dependencies, identity, { role, desired }, context),
    () => `ServiceAccount ${serviceAccount.name} is bound to the role, and its pods are injected.`,
  );
  await proveFederation(dependencies, identity, { role, desired }, context);
}

/** By an exchange of this very ServiceAccount's token, or as far as the provider's own proof goes; the condition says which. */
async function proveFederation(
  dependencies: Dependencies,
  identity: AwsFederatedIdentity,
  bound: Bound,
  context: ConvergeContext,
): Promise<void> {
  const { providers, settings } = dependencies;
  const { providerRef } = identity.spec;
  switch (settings.verification) {
    case 'off':
      return context.learn({ readyBy: 'nothing' });
    case 'provider':
      await context.progress.run(
        'FederationVerified',
        () => requireProvenProvider(providerRef.name, providers.get(providerRef)),
        () => PROVEN_BY_PROVIDER,
      );
      return context.learn({ readyBy: 'provider' });
    case 'token':
      return context.progress.run(
        'FederationVerified',
        () => verify(dependencies, identity, bound, context),
        () => PROVEN_BY_TOKEN,
      );
    default:
      return settings.verification satisfies never;
  }
}

/** The namespace is read only where a selector asks for its labels. */
async function surroundingsOf(
  { identities, kubernetes, settings }: Dependencies,
  { namespace }: IdentityInput,
  provider: ProviderInput,
  signal: AbortSignal,
): Promise<Surroundings> {
  const { excludedNamespaces } = settings;
  const siblings = identities
    .byIndex('namespace', namespace)
    .filter(({ spec }) => spec.providerRef.name === provider.name);
  if (provider.spec.guardrails?.namespaceSelector === undefined)
    return { siblings, excludedNamespaces, namespaceLabels: undefined };
  try {
    const { metadata } = await kubernetes.get<KubernetesResource>(NAMESPACES, { name: namespace }, signal);
    return { siblings, excludedNamespaces, namespaceLabels: metadata.labels ?? {} };
  } catch (error) {
    throw toKubernetesError(`Namespace ${namespace}`, error);
  }
}

/**
 * Only the oldest identity of a ServiceAccount has it. The others are marked bound too, so that they cannot hold up its pods.
 * Not so while the oldest one is being deleted: its entry in the table goes too, and then they hold pods up until one of them is ready.
 */
async function claimServiceAccount(
  { identities, kubernetes }: Dependencies,
  identity: AwsFederatedIdentity,
  { signal }: ApplyContext,
): Promise<void> {
  const { namespace, uid } = identity.metadata;
  const { name } = identity.spec.serviceAccount;
  const owner = claimant(identities.byIndex('serviceAccount', `${namespace}/${name}`));
  if (owner === undefined || owner.metadata.uid === uid) return;
  const owned = ownedMetadataOf(identity);
  if (!owned.bound && owner.metadata.deletionTimestamp === undefined)
    await applyOwnedMetadata(kubernetes, { ...identity, type: IDENTITIES }, { ...owned, bound: true }, signal);
  throw terminal(
    'ServiceAccountConflict',
    `ServiceAccount ${namespace}/${name} already belongs to the older AwsFederatedIdentity "${owner.metadata.name}". A ServiceAccount has one role: delete one of the two, or use another ServiceAccount.`,
  );
}

interface Bound {
  readonly role: EnsuredRole;
  readonly desired: Desired;
}

async function bind(
  dependencies: Dependencies,
  identity: AwsFederatedIdentity,
  { role, desired }: Bound,
  context: ApplyContext,
): Promise<void> {
  const { namespace = '', name = '', uid = '' } = identity.metadata;
  const observed = await observeBinding(dependencies, identity, context.signal);
  const owner = { apiVersion: API_VERSION, kind: IDENTITIES.kind, name, uid, controller: true };
  const injection = { roleArn: role.arn, ...desired.injection };
  const plan = planBinding({ namespace, serviceAccount: identity.spec.serviceAccount, injection, owner }, observed);
  await applyBinding(dependencies.kubernetes, identity, plan, context);
}

/** After each change of the role or the spec, and then rarely. */
async function verify(
  dependencies: Dependencies,
  identity: AwsFederatedIdentity,
  { role, desired }: Bound,
  context: ConvergeContext,
): Promise<void> {
  const { schedule, signal, learn } = context;
  const now = dependencies.now();
  const { uid = '', generation } = identity.metadata;
  const proven = { generation, roleId: role.id };
  const unprovenWrite = role.syncedAt ?? schedule.lastWrite(uid); // the status may not have been told of it
  const hasProof = unprovenWrite === undefined && isProven(identity, role.id);
  if (hasProof && !schedule.isDue(uid, proven, now)) return;
  const { lastSyncTime } = identity.status ?? {};
  const toldWrite = lastSyncTime === undefined ? undefined : new Date(lastSyncTime);
  const { region } = desired.provider.spec;
  await verifyFederation(
    dependencies,
    { identity, roleArn: role.arn, roleId: role.id, region, lastWrite: unprovenWrite ?? toldWrite },
    signal,
  );
  schedule.verified(uid, proven, now);
  if (!hasProof) learn({ verifiedAt: now });
}
