import type { ProviderInput } from '../../controllers/aws-federated-identity/desired.ts';
import { desiredProvider } from '../../controllers/aws-oidc-provider/desired.ts';
import { pinChains } from '../../controllers/aws-oidc-provider/pin-chains.ts';
import { planProvider } from '../../controllers/aws-oidc-provider/plan.ts';
import { terminal } from '../../errors.ts';
import { oidcProviderArn, type OidcProviderArn } from '../../iam/arn.ts';
import type { Pin } from '../../oidc/issuer-check.ts';
import type { AccountView } from './account-view.ts';
import type { Subject } from './diagnose.ts';

interface ProviderQuestion {
  readonly subject: Subject;
  readonly provider: Omit<ProviderInput, 'arn'>;
  /** Chains that AWS trusts only by a thumbprint. */
  readonly pins: readonly Pin[];
  readonly audience: string;
  readonly warn: (warning: string) => void;
}

/** The OIDC provider in the role's account: that it is there under this very URL, and knows the audience. */
export async function examineProvider(
  view: AccountView,
  { subject, provider, pins, audience, warn }: ProviderQuestion,
  signal: AbortSignal,
): Promise<{ readonly arn: OidcProviderArn; readonly says: string }> {
  const { issuer, spec, name } = provider;
  return view.look('the OIDC provider in IAM was', async (account) => {
    const { partition } = await account.caller(signal);
    const arn = oidcProviderArn(partition, spec.accountId, issuer);
    const observed = await account.oidcProviders.get(arn, signal);
    if (observed === undefined) {
      const twin = oidcProviderArn(partition, spec.accountId, flipSlash(issuer));
      const isTwinThere = (await account.oidcProviders.get(twin, signal)) !== undefined;
      const slash = isTwinThere
        ? ` There is ${twin}, which differs in the slash at its end: that is another provider to AWS, and of no use.`
        : '';
      throw terminal(
        'ProviderMissing',
        `IAM has no OIDC provider ${arn}.${slash} The operator makes it while it runs and AwsOidcProvider "${name}" has managementPolicy Manage: see its conditions.`,
      );
    }
    if (!observed.clientIds.has(audience)) {
      const ids = [...observed.clientIds].map((id) => JSON.stringify(id)).join(', ');
      throw terminal(
        'AudienceNotRegistered',
        `OIDC provider ${arn} does not list the audience ${JSON.stringify(audience)}; it lists ${ids === '' ? 'none' : ids}. Add it to spec.clientIds of AwsOidcProvider "${name}", or, for a provider that somebody else made, in AWS.`,
      );
    }
    const { name: objectName = '', uid = '' } = subject.provider?.metadata ?? {};
    const owner = { cluster: subject.clusterId, name: objectName, uid };
    const desired = desiredProvider(spec, issuer, partition, owner);
    const plan = pinChains(planProvider(desired, observed, owner), pins, { desired, observed });
    if (plan.kind === 'refuse') throw terminal(plan.reason, plan.message);
    if (plan.kind === 'apply' && plan.actions.length > 0) {
      warn(`It differs from the spec; the operator would make ${plan.actions.map(({ type }) => type).join(', ')}.`);
    }
    return { arn, says: `${arn} is there, and knows the audience ${audience}` };
  });
}

const flipSlash = <T extends string>(issuer: T): T => (issuer.endsWith('/') ? issuer.slice(0, -1) : `${issuer}/`) as T; // of the same brand: a URL before and after
