import pRetry from 'p-retry';
import type { AwsAccounts } from '../iam/account.ts';
import type { Role } from '../iam/roles.ts';
import type { Caller } from '../iam/session.ts';
import type { ClusterConnection } from '../kube/kubeconfig.ts';
import { type AwsFederatedIdentity, type AwsOidcProvider, NAMESPACES, PROVIDERS } from '../kube/kinds.ts';
import type { ProviderInput } from '../controllers/aws-federated-identity/desired.ts';
import { ReconcileError, terminal } from '../errors.ts';
import { getIfThere } from './cluster-reads.ts';
import { asPerson } from './failures.ts';
import type { IdentityPlan } from './identity-plan.ts';
import { type IdentityContext, type LookAtRole, planIdentity } from './plan-identity.ts';
import { chosen, listIdentities, type Selection } from './selection.ts';

export interface PlanDependencies {
  readonly cluster: ClusterConnection;
  /** AWS with the credentials of the person who runs the command. */
  readonly accounts: Pick<AwsAccounts, 'of'>;
}

/**
 * What the operator would do for each identity now. Reads the cluster and, with the credentials of the caller, AWS; writes
 * nothing. Throws a CliError for what concerns all of them: cluster or AWS not reachable, not allowed, no such identity.
 */
export async function planIdentities(
  dependencies: PlanDependencies,
  selection: Selection,
  signal: AbortSignal,
): Promise<readonly IdentityPlan[]> {
  const listed = await listIdentities(dependencies.cluster, selection, signal);
  const identities = chosen(listed, selection);
  if (identities.length === 0) return [];
  const clusterId = await readClusterId(dependencies, signal);
  const providers = await readProviders(dependencies, identities, signal);
  const labels = await readLabels(dependencies, identities, providers, signal);
  const context: IdentityContext = {
    clusterId,
    provider: (name) => providers.get(name),
    identities: listed,
    namespaceLabels: (namespace) => labels.get(namespace),
    look: lookWith(dependencies, signal),
  };
  return Promise.all(identities.map((identity) => planIdentity(context, identity)));
}

async function readClusterId({ cluster }: PlanDependencies, signal: AbortSignal): Promise<string> {
  const kubeSystem = await getIfThere(cluster, NAMESPACES, { name: 'kube-system' }, signal);
  return kubeSystem?.metadata.uid ?? '';
}

async function readProviders(
  { cluster }: PlanDependencies,
  identities: readonly AwsFederatedIdentity[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, AwsOidcProvider | undefined>> {
  const names = new Set(identities.map(({ spec }) => spec.providerRef.name));
  const entries = [...names].map(
    async (name) => [name, await getIfThere<AwsOidcProvider>(cluster, PROVIDERS, { name }, signal)] as const,
  );
  return new Map(await Promise.all(entries));
}

type Labels = Readonly<Record<string, string>>;

/** Only where a provider selects namespaces by them. */
async function readLabels(
  { cluster }: PlanDependencies,
  identities: readonly AwsFederatedIdentity[],
  providers: ReadonlyMap<string, AwsOidcProvider | undefined>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Labels>> {
  const selecting = identities.filter(
    ({ spec }) => providers.get(spec.providerRef.name)?.spec.guardrails?.namespaceSelector !== undefined,
  );
  const namespaces = new Set(selecting.map(({ metadata: { namespace = '' } }) => namespace));
  const entries = [...namespaces].map(async (name) => {
    const namespace = await getIfThere(cluster, NAMESPACES, { name }, signal);
    return [name, namespace?.metadata.labels ?? {}] as const;
  });
  return new Map(await Promise.all(entries));
}

/** Reads roles as the person who runs the command, whatever role the operator would assume. */
const lookWith =
  ({ accounts }: PlanDependencies, signal: AbortSignal): LookAtRole =>
  async (provider, role): Promise<Role | undefined> => {
    const { accountId, region } = provider.spec;
    const account = accounts.of({ accountId, region });
    const caller = await asPerson(() => account.caller(signal));
    if (caller.account !== accountId) throw wrongAccount(caller, provider);
    return asPerson(() =>
      pRetry(() => account.roles.get(role, signal), {
        ...THROTTLED,
        signal,
        shouldRetry: ({ error }) => error instanceof ReconcileError && error.reason === 'Throttled',
      }),
    );
  };

const THROTTLED = { retries: 5, minTimeout: 500 };

const wrongAccount = ({ account, arn }: Caller, { name, spec }: Pick<ProviderInput, 'name' | 'spec'>): ReconcileError =>
  terminal(
    'WrongAccount',
    `your AWS credentials (${arn}) belong to account ${account}, but AwsOidcProvider "${name}" to ${spec.accountId}. Use credentials of that account, for example by AWS_PROFILE.`,
  );
