import type { Health, IdentityNode, ProviderNode } from './status-tree.ts';
import { jsonText } from './terminal.ts';

/** The tree for a program: an array of providers, sorted; every key is always there, null where there is nothing. */
export const statusJson = (tree: readonly ProviderNode[]): string =>
  jsonText(
    tree.map(({ name, accountId, health, identities }) => ({
      provider: name,
      accountId: accountId ?? null,
      ...healthJson(health),
      identities: identities.map(identityJson),
    })),
  );

const healthJson = ({ state, ready, reason, message }: Health): object => ({
  state,
  ready: state === 'hidden' ? null : ready,
  reason: reason ?? null,
  message: message ?? null,
});

const identityJson = ({ namespace, name, roleArn, health, counts, serviceAccount }: IdentityNode): object => ({
  namespace,
  name,
  roleArn: roleArn ?? null,
  ...healthJson(health),
  pods: counts ?? null,
  serviceAccount: {
    name: serviceAccount.name,
    exists: serviceAccount.exists,
    pods: serviceAccount.pods.map((pod) => ({ name: pod.name, phase: pod.phase, injection: pod.injection })),
  },
});
