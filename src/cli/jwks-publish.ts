import { pino } from 'pino';
import { publishIssuer, publishTarget } from '../controllers/aws-oidc-provider/publish.ts';
import { ReconcileError } from '../errors.ts';
import type { ClusterConnection } from '../kube/kubeconfig.ts';
import { CliError } from './failures.ts';
import { ownAccounts, ownCaller } from './own-accounts.ts';
import { readProviderFacts } from './policy-source.ts';

export interface PublishSelection {
  /** Name of an AwsOidcProvider; default: `default`, or the only one of the file. */
  readonly provider: string | undefined;
  /** Its manifest, `-` for standard input. Absent: the object in the cluster. */
  readonly file: string | undefined;
  readonly issuer: string;
}

/**
 * Publishes as `spec.issuer.publish` of a provider says, by the operator's own plan and with the AWS credentials of the
 * person: the operator goes on with what it finds. Resolves with a sentence that says what is there now.
 */
export async function publishAsPerson(
  cluster: ClusterConnection,
  { provider, file, issuer }: PublishSelection,
  signal: AbortSignal,
): Promise<string> {
  const serviceAccount = { namespace: 'default', name: 'default' }; // no token is asked for: the issuer is given
  const facts = await readProviderFacts(cluster, { name: provider, file, issuer, serviceAccount }, signal);
  const target = publishTarget(facts.spec);
  if (target === undefined) {
    throw new CliError(`AwsOidcProvider "${facts.name}" has no spec.issuer.publish: say there which bucket it is`);
  }
  const { accountId, region } = facts.spec;
  const account = ownAccounts().of({ accountId, region });
  const caller = await ownCaller(account, facts, signal);
  const dependencies = { kubernetes: cluster.kubernetes, cluster: facts.cluster, now: () => new Date() };
  const publishable = { ...facts, target, caller, account, beforeWrite: async () => {} };
  try {
    return await publishIssuer(dependencies, publishable, { signal, log: pino({ level: 'silent' }) });
  } catch (error) {
    if (!(error instanceof ReconcileError)) throw error;
    throw new CliError(error.message, { cause: error });
  }
}
