import { policyOf } from '../../src/cli/policy.ts';
import { AwsOidcProviderSpec } from '../../src/crds/aws-oidc-provider.ts';
import { IssuerUrl, Partition, RoleArn } from '../../src/iam/arn.ts';
import type { PolicyDocument } from '../../src/iam/policy-document.ts';

export interface OperatorPolicyInput {
  readonly accountId: string;
  /** UID of the namespace kube-system. */
  readonly cluster: string;
  readonly issuer: string;
  /** Further fields of the spec, or other ones. */
  readonly spec?: object;
}

/**
 * The policy that `kubectl aws-identity policy` prints, for a provider whose guardrails allow all that tests and the demo
 * ask for: any managed policy, inline policies, no forced boundary, roles under /federated/, an OIDC provider that goes.
 */
export const operatorPolicy = ({ accountId, cluster, issuer, spec = {} }: OperatorPolicyInput): PolicyDocument =>
  policyOf(
    {
      name: 'default',
      uid: undefined,
      spec: AwsOidcProviderSpec.parse({
        accountId,
        region: 'eu-west-1',
        deletionPolicy: 'Delete',
        guardrails: { managedPolicyArns: ['*'], inlinePolicies: 'Allow', adoption: 'Allow', rolePath: '/federated/' },
        ...spec,
      }),
      issuer: IssuerUrl.parse(issuer),
      cluster,
      partition: Partition.parse('aws'),
    },
    RoleArn.parse(`arn:aws:iam::${accountId}:role/federated-operator/federated-identity-operator`),
  );
