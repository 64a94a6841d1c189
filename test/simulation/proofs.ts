import type { AwsFederatedIdentity, AwsOidcProvider } from '../../src/kube/kinds.ts';

/** Which generation and role a status says to be proven; undefined for none. */
export function proofOf(identity: AwsFederatedIdentity | undefined): string | undefined {
  const { conditions = [], roleId } = identity?.status ?? {};
  const proof = conditions.find(({ type, status }) => type === 'FederationVerified' && status === 'True');
  return proof && `${proof.observedGeneration}/${roleId}`;
}

/** Proven for the spec that it has now. */
export const isProvenProvider = ({ metadata, status }: AwsOidcProvider): boolean =>
  status?.conditions?.some(
    (one) => one.type === 'Ready' && one.status === 'True' && one.observedGeneration === metadata.generation,
  ) === true;
