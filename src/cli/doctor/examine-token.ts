import type { Desired } from '../../controllers/aws-federated-identity/desired.ts';
import { ReconcileError, retryable, terminal } from '../../errors.ts';
import type { RoleArn } from '../../iam/arn.ts';
import { subject as subjectOf } from '../../iam/trust-policy.ts';
import { ApiError } from '../../kube/errors.ts';
import { requestToken } from '../../kube/service-account-token.ts';
import { judge } from '../../sts/federation-check.ts';
import { Unseen } from './chain.ts';
import type { DoctorDependencies, Subject } from './diagnose.ts';
import { claimsOf } from './token-claims.ts';

/** A token that only a ServiceAccount's own pods get otherwise. Throws Unseen where the person may not ask for one. */
export async function tokenOf(
  { cluster }: Pick<DoctorDependencies, 'cluster'>,
  serviceAccount: { readonly namespace: string; readonly name: string },
  audience: string,
  signal: AbortSignal,
): Promise<string> {
  try {
    return await requestToken(cluster.kubernetes, serviceAccount, audience, signal);
  } catch (error) {
    const cause = error instanceof ReconcileError ? error.cause : error;
    if (!(cause instanceof ApiError) || cause.code !== 403) throw error;
    const { namespace, name } = serviceAccount;
    throw new Unseen(
      `you may not ask for a token of ServiceAccount ${namespace}/${name} (create serviceaccounts/token), so nothing was exchanged. The identity's condition FederationVerified tells what the operator found.`,
      { cause: error },
    );
  }
}

interface TokenQuestion {
  readonly subject: Subject;
  readonly desired: Desired;
  readonly warn: (warning: string) => void;
}

/** A token as the pod gets it, claim by claim against what IAM compares it with. */
export async function examineToken(
  dependencies: Pick<DoctorDependencies, 'cluster' | 'now'>,
  { subject: { identity }, desired, warn }: TokenQuestion,
  signal: AbortSignal,
): Promise<{ readonly token: string; readonly says: string }> {
  const { namespace = '' } = identity.metadata;
  const { name } = identity.spec.serviceAccount;
  const { audience } = identity.spec;
  const token = await tokenOf(dependencies, { namespace, name }, audience, signal);
  const claims = claimsOf(token);
  const wanted = subjectOf(namespace, name);
  if (claims.issuer !== desired.provider.issuer) {
    throw terminal(
      'IssuerMismatch',
      `The token's iss is ${claims.issuer}, and the provider's ${desired.provider.issuer}: the API servers do not agree on --service-account-issuer.`,
    );
  }
  if (claims.subject !== wanted || !claims.audiences.includes(audience)) {
    throw terminal(
      'TokenRequestFailed',
      `The token has sub ${claims.subject} and aud ${claims.audiences.join(', ')}, and not ${wanted} and ${audience}. Is there a proxy before the API server?`,
    );
  }
  const ahead = Math.round(claims.issuedAt - dependencies.now().getTime() / 1000);
  if (Math.abs(ahead) > 60) {
    warn(
      `The API server's clock is ${Math.abs(ahead)} s ${ahead > 0 ? 'ahead of' : 'behind'} the one here. AWS bears five minutes.`,
    );
  }
  return {
    token,
    says: `iss, sub and aud are as the trust policy wants them; signed by key ${(claims.keyId ?? 'without a kid').slice(0, 13)} (${claims.algorithm})`,
  };
}

interface ExchangeQuestion {
  readonly region: string;
  readonly roleArn: RoleArn;
  readonly token: string;
}

interface StsQuestion extends ExchangeQuestion {
  /** When the operator last wrote to the role, as the identity's status has it. */
  readonly lastSyncTime: string | undefined;
}

/** The exchange at STS, which needs no AWS credentials: what it answers is the proof, or the cause. */
export async function examineExchange(
  { exchange, now }: Pick<DoctorDependencies, 'exchange' | 'now'>,
  { region, roleArn, token, lastSyncTime }: StsQuestion,
  signal: AbortSignal,
): Promise<string> {
  const sinceWriteMs = lastSyncTime === undefined ? Infinity : now().getTime() - Date.parse(lastSyncTime);
  const verdict = judge(await exchange.exchange(region, roleArn, token, signal), sinceWriteMs);
  switch (verdict.kind) {
    case 'verified':
      return `STS in ${region} exchanged the token for credentials`;
    case 'failed':
      throw retryable(verdict.reason, verdict.message);
    case 'propagating':
      throw retryable('Propagating', `${verdict.message} Ask again in a minute.`);
    default:
      return verdict satisfies never;
  }
}

/** One call with the credentials; it needs no permission, so that only the credentials decide. */
export async function examineCall(
  { call }: Pick<DoctorDependencies, 'call'>,
  question: ExchangeQuestion,
  signal: AbortSignal,
): Promise<string> {
  const { roleArn } = question;
  const role = roleArn.slice(roleArn.lastIndexOf('/') + 1);
  const caller = await call(question, signal).catch((error: unknown) => {
    const text = error instanceof Error ? error.message : String(error);
    const message = `STS gave credentials, but GetCallerIdentity with them failed: ${text}. Does an organization policy deny it?`;
    throw retryable('TokenExchangeFailed', message, { cause: error });
  });
  if (caller.includes(`:assumed-role/${role}/`)) return `AWS knows the caller as ${caller}`;
  throw terminal('TokenExchangeFailed', `AWS names the caller ${caller}, which is no session of ${roleArn}.`);
}
