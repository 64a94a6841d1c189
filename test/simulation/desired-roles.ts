import { desiredState, type Desired } from '../../src/controllers/aws-federated-identity/desired.ts';
import type { PolicyArn } from '../../src/iam/arn.ts';
import type { DesiredRole } from '../../src/iam/roles.ts';
import type { AwsFederatedIdentity, AwsOidcProvider } from '../../src/kube/kinds.ts';
import { CLUSTER, ISSUER, PROVIDER_ARN } from '../support/builders.ts';
import { BOUNDARIES, INLINE, MANAGED } from './script.ts';

/** What the two specs ask for, or the error that refuses them: a pure function of the specs, whatever status says. */
export function desiredOf(identity: AwsFederatedIdentity, provider: AwsOidcProvider): Desired | Error {
  const { namespace = '', name = '', uid = '' } = identity.metadata;
  const { spec } = provider;
  try {
    const usable = { name: provider.metadata.name ?? '', spec, arn: PROVIDER_ARN, issuer: ISSUER };
    return desiredState({ namespace, name, uid, spec: identity.spec }, usable, CLUSTER);
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
}

const EVERYTHING: ReadonlySet<string> = new Set([...MANAGED, ...INLINE]);
const WITHIN: ReadonlyMap<PolicyArn | undefined, ReadonlySet<string>> = new Map([
  [undefined, EVERYTHING],
  [BOUNDARIES[0], new Set<string>([MANAGED[0], INLINE[0]])],
  [BOUNDARIES[1], new Set<string>([MANAGED[1], INLINE[0], INLINE[1]])],
]);

/** Who may do what: each that a statement of the trust policy lets in, with each policy that the boundary lets through. */
export function accessOf(role: DesiredRole | undefined): ReadonlySet<string> {
  if (role === undefined || role.trustPolicy.includes('"Effect":"Deny"')) return new Set();
  const granted = [...role.managedPolicyArns, ...role.inlinePolicies.values()];
  const within = WITHIN.get(role.permissionsBoundaryArn);
  const { Statement }: { readonly Statement: readonly object[] } = JSON.parse(role.trustPolicy);
  const who = Statement.map((statement) => JSON.stringify(statement));
  return new Set(granted.filter((one) => within?.has(one)).flatMap((one) => who.map((each) => `${each} ${one}`)));
}
