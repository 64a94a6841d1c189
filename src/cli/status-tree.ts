import type { PodCounts } from '../crds/aws-federated-identity.ts';
import type { Condition } from '../crds/condition.ts';
import type { AwsFederatedIdentity, AwsOidcProvider } from '../kube/kinds.ts';
import { type Pod, serviceAccountOf } from '../kube/pods.ts';
import type { KubernetesResource } from '../kube/resource.ts';
import { INJECT_ANNOTATION, TOKEN_VOLUME } from '../admission/web-identity.ts';

/** How an object is doing; `hidden` when its reader has no right to see it. */
export type State = 'ready' | 'progressing' | 'failed' | 'suspended' | 'hidden';

export interface Health {
  readonly state: State;
  /** Whether a program that waits for this object may go on. A suspended one stays as ready as it was. */
  readonly ready: boolean;
  /** What is wrong or missing; absent where nothing is. */
  readonly reason?: string;
  readonly message?: string;
}

export interface ProviderNode {
  readonly name: string;
  readonly accountId?: string;
  readonly health: Health;
  readonly identities: readonly IdentityNode[];
}

export interface IdentityNode {
  readonly namespace: string;
  readonly name: string;
  readonly roleArn?: string;
  readonly health: Health;
  /** What the operator counted last; absent before the first pod. */
  readonly counts?: PodCounts;
  readonly serviceAccount: { readonly name: string; readonly exists: boolean; readonly pods: readonly PodNode[] };
}

export type Injection = 'injected' | 'not injected' | 'other role' | 'opted out';

export interface PodNode {
  readonly name: string;
  readonly phase: string;
  readonly injection: Injection;
}

/** What the tree is made of. */
export interface StatusObjects {
  readonly identities: readonly AwsFederatedIdentity[];
  /** By name; `hidden` where the API server refused to show it, absent where there is none. */
  readonly providers: ReadonlyMap<string, AwsOidcProvider | 'hidden'>;
  readonly serviceAccounts: readonly KubernetesResource[];
  /** Pods that have not ended. */
  readonly pods: readonly Pod[];
}

/** Providers by name, each with its identities by namespace and name; also providers that identities name in vain. */
export function statusTree(objects: StatusObjects): readonly ProviderNode[] {
  const named = objects.identities.map(({ spec }) => spec.providerRef.name);
  const names = [...new Set([...objects.providers.keys(), ...named])].toSorted();
  return names.map((name): ProviderNode => {
    const identities = objects.identities
      .filter(({ spec }) => spec.providerRef.name === name)
      .map((identity) => identityNode(identity, objects))
      .toSorted((a, b) => (`${a.namespace}/${a.name}` < `${b.namespace}/${b.name}` ? -1 : 1));
    const provider = objects.providers.get(name);
    if (provider === undefined) return { name, health: NO_PROVIDER, identities };
    if (provider === 'hidden') return { name, health: HIDDEN, identities };
    return { name, accountId: provider.spec.accountId, health: healthOf(provider), identities };
  });
}

const NO_PROVIDER: Health = {
  state: 'failed',
  ready: false,
  reason: 'ProviderNotFound',
  message: 'There is no AwsOidcProvider of this name.',
};
const HIDDEN: Health = { state: 'hidden', ready: true, message: 'you may not read AwsOidcProviders' };

function identityNode(identity: AwsFederatedIdentity, { serviceAccounts, pods }: StatusObjects): IdentityNode {
  const { metadata, spec, status } = identity;
  const { namespace = '', name = '' } = metadata;
  const account = spec.serviceAccount.name;
  const roleArn = status?.roleArn;
  return {
    namespace,
    name,
    ...(roleArn === undefined ? {} : { roleArn }),
    health: healthOf(identity),
    ...(status?.pods === undefined ? {} : { counts: status.pods }),
    serviceAccount: {
      name: account,
      exists: serviceAccounts.some((one) => one.metadata.namespace === namespace && one.metadata.name === account),
      pods: pods
        .filter((pod) => pod.metadata.namespace === namespace && serviceAccountOf(pod) === account)
        .map((pod) => podNode(pod, roleArn))
        .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    },
  };
}

function podNode(pod: Pod, roleArn: string | undefined): PodNode {
  const { metadata, status } = pod;
  return { name: metadata.name ?? '', phase: status?.phase ?? 'Unknown', injection: injectionOf(pod, roleArn) };
}

/** Whether the containers run with the role; a container that brings its own AWS_ROLE_ARN keeps it. */
function injectionOf({ metadata, spec }: Pod, roleArn: string | undefined): Injection {
  const roles = [...(spec.initContainers ?? []), ...spec.containers].flatMap(({ env = [] }) =>
    env.flatMap(({ name, value }) => (name === 'AWS_ROLE_ARN' && value !== undefined ? [value] : [])),
  );
  const hasToken = spec.volumes?.some(({ name }) => name === TOKEN_VOLUME) === true;
  if (hasToken && roleArn !== undefined && roles.includes(roleArn)) return 'injected';
  if (roles.length > 0) return 'other role';
  return metadata.annotations?.[INJECT_ANNOTATION] === 'false' ? 'opted out' : 'not injected';
}

/** What an object's own conditions say, as far as they speak of its present generation. */
export function healthOf({ metadata, spec, status }: AwsFederatedIdentity | AwsOidcProvider): Health {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  const isCurrent = ready !== undefined && ready.observedGeneration === metadata.generation;
  const isDeleting = metadata.deletionTimestamp !== undefined;
  if ('suspend' in spec && spec.suspend && !isDeleting) {
    return { state: 'suspended', ready: isCurrent && ready.status === 'True', reason: 'Suspended', message: SUSPENDED };
  }
  if (!isCurrent) return { state: 'progressing', ready: false, reason: 'Pending', message: UNSEEN };
  const { reason, message } = ready;
  if (isDeleting) return { state: reason === 'Deleting' ? 'progressing' : 'failed', ready: false, reason, message };
  return ofCondition(ready);
}

const SUSPENDED = 'nothing is written to AWS until it is resumed';
const UNSEEN = 'The operator has not looked at it yet. If this stays, check that the operator runs.';

function ofCondition({ status, reason, message }: Condition): Health {
  switch (status) {
    case 'True':
      // An outage leaves Ready standing, and its message tells of it.
      return { state: 'ready', ready: true, message };
    case 'False':
      return { state: 'failed', ready: false, reason, message };
    case 'Unknown':
      return { state: 'progressing', ready: false, reason, message };
    default:
      return status satisfies never;
  }
}

/** Whether a pod is as it should be. */
export const isAsWanted = ({ injection }: PodNode): boolean => injection === 'injected' || injection === 'opted out';

/** 0 when everything in the tree is Ready, else 3. */
export const exitCodeOfTree = (tree: readonly ProviderNode[]): 0 | 3 =>
  tree.every(({ health, identities }) => health.ready && identities.every(isIdentityReady)) ? 0 : 3;

const isIdentityReady = ({ health, serviceAccount }: IdentityNode): boolean =>
  health.ready && serviceAccount.exists && serviceAccount.pods.every(isAsWanted);
