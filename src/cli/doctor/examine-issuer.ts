import type { AwsOidcProviderSpec } from '../../crds/aws-oidc-provider.ts';
import { acceptedIssuer } from '../../controllers/aws-oidc-provider/desired.ts';
import { terminal } from '../../errors.ts';
import type { IssuerUrl } from '../../iam/arn.ts';
import { readToken } from '../../oidc/issuer.ts';
import type { Pin } from '../../oidc/issuer-check.ts';
import { Unseen } from './chain.ts';
import type { DoctorDependencies, Subject } from './diagnose.ts';
import { tokenOf } from './examine-token.ts';

interface IssuerQuestion {
  readonly subject: Subject;
  readonly spec: AwsOidcProviderSpec;
  readonly warn: (warning: string) => void;
}

export interface FoundIssuer {
  readonly url: IssuerUrl;
  /** Chains that AWS trusts only by a thumbprint. */
  readonly pins: readonly Pin[];
  readonly says: string;
}

/** The issuer as the cluster's tokens name it, and whether AWS can use it. */
export async function examineIssuer(
  dependencies: Pick<DoctorDependencies, 'cluster' | 'checkIssuer'>,
  { subject: { identity, provider }, spec, warn }: IssuerQuestion,
  signal: AbortSignal,
): Promise<FoundIssuer> {
  const { namespace = '' } = identity.metadata;
  const token = await anyToken(dependencies, namespace, [identity.spec.serviceAccount.name, 'default'], signal);
  const { issuer, key } = readToken(token);
  const url = acceptedIssuer(spec, issuer);
  const known = provider?.status?.issuer;
  if (known !== undefined && known !== url) {
    throw terminal(
      'IssuerMismatch',
      `The tokens of this cluster now have the issuer ${url}; the AwsOidcProvider was made for ${known}. Create another AwsOidcProvider for the new issuer, or put the former one first again in --service-account-issuer.`,
    );
  }
  if (spec.issuer?.check === 'Skip') {
    warn('spec.issuer.check is Skip: whether AWS can fetch its documents was not looked at.');
    return { url, pins: [], says: `${url}, as the tokens say` };
  }
  const verdict = await dependencies.checkIssuer.verdict(url, key, signal);
  switch (verdict.kind) {
    case 'usable':
      for (const note of new Set(verdict.notes)) warn(note); // both documents often come from one host
      return {
        url,
        pins: verdict.pins,
        says: `${url}, as the tokens say: its documents are public, and have the signing key`,
      };
    case 'unusable':
      throw terminal(verdict.reason, verdict.message);
    case 'unseen':
      warn(`Its documents could not be seen from here, so only AWS can tell: ${verdict.message}`);
      return { url, pins: [], says: `${url}, as the tokens say` };
    default:
      return verdict satisfies never;
  }
}

/** Tokens of every ServiceAccount name the same issuer; the identity's own may not exist yet. */
async function anyToken(
  dependencies: Pick<DoctorDependencies, 'cluster'>,
  namespace: string,
  [first = 'default', ...others]: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  const audience = 'sts.amazonaws.com';
  try {
    return await tokenOf(dependencies, { namespace, name: first }, audience, signal);
  } catch (error) {
    if (error instanceof Unseen || others.length === 0) throw error;
    return anyToken(dependencies, namespace, others, signal);
  }
}
