import type { Logger } from 'pino';
import { AwsOidcProviderSpec } from '../../crds/aws-oidc-provider.ts';
import { type ReconcileError, retryable, terminal, toReconcileError } from '../../errors.ts';
import { type AwsAccount, type Caller, requireAccount } from '../../iam/account.ts';
import type { IssuerUrl } from '../../iam/arn.ts';
import type { OidcProvider } from '../../iam/oidc-providers.ts';
import { type AwsOidcProvider, PROVIDERS } from '../../kube/kinds.ts';
import { applyOwnedMetadata, ownedMetadataOf } from '../../kube/owned-metadata.ts';
import type { Progress } from '../../kube/progress.ts';
import type { IssuerCheck } from '../../oidc/issuer-check.ts';
import type { TokenKey } from '../../oidc/judge.ts';
import { applyAction } from './apply.ts';
import { type CheckedIssuer, checkIssuer } from './check-issuer.ts';
import type { ClusterIssuer } from './cluster-issuer.ts';
import type { Dependencies } from './dependencies.ts';
import { acceptedIssuer, desiredProvider } from './desired.ts';
import { pinChains } from './pin-chains.ts';
import { planProvider } from './plan.ts';
import { type ProofSchedule, proveProvider, roleToAskFor } from './prove.ts';
import { publishIssuer, publishTarget, withPublishRemedy } from './publish.ts';
import type { Findings, Step } from './status.ts';

export interface ConvergeContext {
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly issuer: ClusterIssuer;
  readonly check: IssuerCheck;
  readonly proofs: ProofSchedule;
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
  const { spec, issuer, key } = await progress.run(
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
  const ensuring = { spec, issuer, caller, account };
  const unpublished = await publish(dependencies, provider, ensuring, context);
  const { pins, unseen } = isChecked(spec) ? await checkIssuer({ issuer, key }, context) : NOT_CHECKED;
  await progress.run(
    'ProviderReady',
    () => ensureProvider(dependencies, provider, { ...ensuring, pins }, context),
    (message) => message,
  );
  if (dependencies.settings.verification === 'off') {
    // Nobody has seen the documents, and STS is not asked.
    if (unseen !== undefined) await progress.run('IssuerReachable', () => Promise.reject(unseen), String);
  } else {
    await progress.run(
      'FederationVerified',
      () => prove(dependencies, provider, { spec, issuer, caller }, context),
      () => `STS in ${spec.region} takes tokens of this cluster: issuer, keys, OIDC provider and audience are right.`,
    );
  }
  if (unpublished !== undefined) throw unpublished;
}

const isChecked = ({ issuer }: AwsOidcProviderSpec): boolean => issuer?.check !== 'Skip';
const NOT_CHECKED: CheckedIssuer = { pins: [], unseen: undefined };

/**
 * Publishes the issuer's documents if the spec says so. A failure ends no reconcile: what was published before stays, and
 * the other steps show whether AWS can do with it. It is recorded, and resolved with for a later attempt.
 */
async function publish(
  dependencies: Dependencies,
  provider: AwsOidcProvider,
  ensuring: Ensuring,
  context: ConvergeContext,
): Promise<ReconcileError | undefined> {
  const target = publishTarget(ensuring.spec);
  if (target === undefined) return undefined;
  const beforeWrite = (): Promise<void> => holdFinalizer(dependencies, provider, context.signal);
  return context.progress
    .run(
      'IssuerPublished',
      () => publishIssuer(dependencies, { ...ensuring, target, beforeWrite }, context),
      (message) => message,
    )
    .then(() => undefined, toReconcileError);
}

/** From the first write to AWS on, the object must not go without its clean-up. */
async function holdFinalizer(
  { kubernetes }: Dependencies,
  provider: AwsOidcProvider,
  signal: AbortSignal,
): Promise<void> {
  if (ownedMetadataOf(provider).finalizer) return;
  await applyOwnedMetadata(kubernetes, { ...provider, type: PROVIDERS }, { finalizer: true, bound: false }, signal);
}

interface Accepted {
  readonly spec: AwsOidcProviderSpec;
  readonly issuer: IssuerUrl;
  /** That of a token that was minted not long ago. */
  readonly key: TokenKey;
}

async function accept(issuer: ClusterIssuer, provider: AwsOidcProvider, signal: AbortSignal): Promise<Accepted> {
  const parsed = AwsOidcProviderSpec.safeParse(provider.spec);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) => `spec.${path.join('.')}: ${message}`).join('; ');
    throw terminal('InvalidSpec', `${problems}. Correct the spec.`);
  }
  const { data: spec } = parsed;
  const [audience = 'sts.amazonaws.com'] = spec.clientIds;
  const { issuer: found, key } = await issuer.facts(audience, signal);
  try {
    return { spec, issuer: acceptedIssuer(spec, found), key };
  } catch (error) {
    issuer.forget(); // the flags of the API server are about to change: the next look must see it
    throw withPublishRemedy(error, spec, found);
  }
}

interface Ensuring extends Omit<Accepted, 'key'> {
  readonly caller: Caller;
  readonly account: AwsAccount;
}

/** observe → plan → apply. `pins`: thumbprints without which AWS would not trust the issuer's certificate. */
async function ensureProvider(
  dependencies: Dependencies,
  provider: AwsOidcProvider,
  { spec, issuer, caller, account: { oidcProviders }, pins }: Ensuring & Pick<CheckedIssuer, 'pins'>,
  { signal, log, learn, proofs }: ConvergeContext,
): Promise<string> {
  const { name = '', uid = '' } = provider.metadata;
  const owner = { cluster: dependencies.cluster, name, uid };
  const desired = desiredProvider(spec, issuer, caller.partition, owner);
  const observed = await oidcProviders.get(desired.arn, signal);
  const plan = pinChains(planProvider(desired, observed, owner), pins, { desired, observed });
  learn({ arn: desired.arn, ...thumbprintsOf(observed) });
  await holdFinalizer(dependencies, provider, signal);
  const inSync = `OIDC provider ${desired.arn} is as the spec says.`;
  switch (plan.kind) {
    case 'refuse':
      throw terminal(plan.reason, plan.message);
    case 'use':
      return `OIDC provider ${desired.arn} existed before; it is used and not changed.`;
    case 'apply':
      if (plan.actions.length === 0) return inSync;
      if (spec.managementPolicy === 'Observe') {
        const operations = plan.actions.map(({ type }) => type).join(', ');
        throw terminal(
          'DriftDetected',
          `OIDC provider ${desired.arn} differs from the spec (${operations}), and managementPolicy is Observe. Set it to Manage to have it repaired.`,
        );
      }
      for (const action of plan.actions) {
        proofs.wrote(uid, dependencies.now());
        await applyAction(oidcProviders, desired.arn, action, signal);
        log.info({ action: action.type, oidcProvider: desired.arn }, 'changed OIDC provider');
      }
      learn(thumbprintsOf(await verifiedOwner(oidcProviders, desired.arn, signal)));
      return inSync;
    default:
      return plan satisfies never;
  }
}

interface Proving {
  readonly spec: AwsOidcProviderSpec;
  readonly issuer: IssuerUrl;
  readonly caller: Caller;
}

/** After each change, and then every few minutes: STS's own word, told here once and not by each identity. */
async function prove(
  dependencies: Dependencies,
  { metadata: { name = '', uid = '', generation } }: AwsOidcProvider,
  { spec, issuer: url, caller }: Proving,
  { proofs, issuer, signal, log }: ConvergeContext,
): Promise<void> {
  const { now, identities } = dependencies;
  if (!proofs.isSoonDue(uid, generation, now())) return;
  const [audience = 'sts.amazonaws.com'] = spec.clientIds;
  const lastWrite = proofs.lastWrite(uid);
  const roleArn = roleToAskFor(identities.byIndex('provider', name), caller);
  try {
    await proveProvider(dependencies, { issuer, url, region: spec.region, audience, roleArn, lastWrite }, signal);
    proofs.proven(uid, generation, now());
  } catch (error) {
    signal.throwIfAborted();
    const { reason, message } = toReconcileError(error);
    const isChange = reason === 'IssuerMismatch'; // the API server's flags, which no second try makes undone
    if (proofs.failed(uid, generation, now()) === 'told' || isChange) throw error;
    log.info({ reason: message }, 'STS did not take a token, asking again');
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
