import type { Logger } from 'pino';
import { AwsOidcProviderSpec } from '../../crds/aws-oidc-provider.ts';
import { retryable, terminal } from '../../errors.ts';
import { type AwsAccount, type Caller, requireAccount } from '../../iam/account.ts';
import type { IssuerUrl } from '../../iam/arn.ts';
import type { OidcProvider } from '../../iam/oidc-providers.ts';
import { type AwsOidcProvider, PROVIDERS } from '../../kube/kinds.ts';
import { applyOwnedMetadata, ownedMetadataOf } from '../../kube/owned-metadata.ts';
import type { Progress } from '../../kube/progress.ts';
import { applyAction } from './apply.ts';
import type { ClusterIssuer } from './cluster-issuer.ts';
import type { Dependencies } from './dependencies.ts';
import { acceptedIssuer, desiredProvider } from './desired.ts';
import { planProvider } from './plan.ts';
import type { Findings, Step } from './status.ts';

export interface ConvergeContext {
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly issuer: ClusterIssuer;
  readonly progress: Progress<Step>;
  readonly learn: (findings: Findings) => void;
}

/** Brings the OIDC provider in IAM to what the spec says; each step is a condition, and the first failure ends it. */
export async function converge(
  dependencies: Dependencies,
  provider: AwsOidcProvider,
  context: ConvergeContext,
): Promise<void> {
  const { progress, signal, learn } = context;
  const { spec, issuer } = await progress.run(
    'Accepted',
    () => accept(context.issuer, provider, signal),
    ({ issuer: found }) => `The issuer of this cluster is ${found}.`,
  );
  learn({ issuer });
  const account = dependencies.accounts.of(spec);
  const caller = await progress.run(
    'CredentialsValid',
    () => requireAccount(account, spec.accountId, signal),
    ({ arn }) => `The operator acts as ${arn}.`,
  );
  learn({ caller });
  await progress.run(
    'ProviderReady',
    () => ensureProvider(dependencies, provider, { spec, issuer, caller, account }, context),
    (message) => message,
  );
}

interface Accepted {
  readonly spec: AwsOidcProviderSpec;
  readonly issuer: IssuerUrl;
}

async function accept(issuer: ClusterIssuer, provider: AwsOidcProvider, signal: AbortSignal): Promise<Accepted> {
  const parsed = AwsOidcProviderSpec.safeParse(provider.spec);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) => `spec.${path.join('.')}: ${message}`).join('; ');
    throw terminal('InvalidSpec', `${problems}. Correct the spec.`);
  }
  const [audience = 'sts.amazonaws.com'] = parsed.data.clientIds;
  return { spec: parsed.data, issuer: acceptedIssuer(parsed.data, await issuer.read(audience, signal)) };
}

interface Ensuring extends Accepted {
  readonly caller: Caller;
  readonly account: AwsAccount;
}

/** observe → plan → apply. Resolves with a sentence for the condition. */
async function ensureProvider(
  { kubernetes, cluster }: Dependencies,
  provider: AwsOidcProvider,
  { spec, issuer, caller, account: { oidcProviders } }: Ensuring,
  { signal, log, learn }: ConvergeContext,
): Promise<string> {
  const { name = '', uid = '' } = provider.metadata;
  const owner = { cluster, name, uid };
  const desired = desiredProvider(spec, issuer, caller.partition, owner);
  const observed = await oidcProviders.get(desired.arn, signal);
  const plan = planProvider(desired, observed, owner);
  learn({ arn: desired.arn, ...thumbprintsOf(observed) });
  if (!ownedMetadataOf(provider).finalizer) {
    await applyOwnedMetadata(kubernetes, { ...provider, type: PROVIDERS }, { finalizer: true, bound: false }, signal);
  }
  switch (plan.kind) {
    case 'refuse':
      throw terminal(plan.reason, plan.message);
    case 'use':
      return `OIDC provider ${desired.arn} existed before; it is used and not changed.`;
    case 'apply':
      if (plan.actions.length === 0) return `OIDC provider ${desired.arn} is as the spec says.`;
      if (spec.managementPolicy === 'Observe') {
        const operations = plan.actions.map(({ type }) => type).join(', ');
        throw terminal(
          'DriftDetected',
          `OIDC provider ${desired.arn} differs from the spec (${operations}), and managementPolicy is Observe. Set it to Manage to have it repaired.`,
        );
      }
      for (const action of plan.actions) {
        await applyAction(oidcProviders, desired.arn, action, signal);
        log.info({ action: action.type, oidcProvider: desired.arn }, 'changed OIDC provider');
      }
      learn(thumbprintsOf(await verifiedOwner(oidcProviders, desired.arn, signal)));
      return `OIDC provider ${desired.arn} is as the spec says.`;
    default:
      return plan satisfies never;
  }
}

/** After a write, one look: it shows the thumbprints that IAM found, and that nobody else was faster. */
async function verifiedOwner(
  oidcProviders: AwsAccount['oidcProviders'],
  arn: Parameters<AwsAccount['oidcProviders']['get']>[0],
  signal: AbortSignal,
): Promise<OidcProvider> {
  const observed = await oidcProviders.get(arn, signal);
  if (observed === undefined)
    throw retryable('Propagating', `OIDC provider ${arn} was just written and cannot be read yet.`);
  return observed;
}

const thumbprintsOf = (observed: OidcProvider | undefined): Pick<Findings, 'thumbprints'> =>
  observed === undefined ? {} : { thumbprints: observed.thumbprints };
