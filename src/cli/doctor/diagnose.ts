import type { AwsFederatedIdentity, AwsOidcProvider } from '../../kube/kinds.ts';
import type { AwsAccounts } from '../../iam/account.ts';
import type { ClusterConnection } from '../../kube/kubeconfig.ts';
import type { IssuerCheck } from '../../oidc/issuer-check.ts';
import type { callerOfToken } from '../../sts/caller-of-token.ts';
import type { TokenExchange } from '../../sts/token-exchange.ts';
import type { AssumedForm } from '../injection-form.ts';
import { accountView } from './account-view.ts';
import { Chain, type Diagnosis } from './chain.ts';
import { examineBinding } from './examine-binding.ts';
import { examineGuardrails, examineObjects } from './examine-objects.ts';
import { examineIssuer } from './examine-issuer.ts';
import { examinePods } from './examine-pods.ts';
import { examineProvider } from './examine-provider.ts';
import { examineRole, examineTrust } from './examine-role.ts';
import { examineCall, examineExchange, examineToken } from './examine-token.ts';

export interface DoctorDependencies {
  readonly cluster: ClusterConnection;
  /** AWS with the credentials of the person who runs the command; without any, STS is asked all the same. */
  readonly accounts: Pick<AwsAccounts, 'of'>;
  /** Looks at the issuer from here as AWS looks at it from there. */
  readonly checkIssuer: Pick<IssuerCheck, 'verdict'>;
  readonly exchange: TokenExchange;
  /** Exchanges a token and makes a call with the credentials; resolves with the caller's ARN. */
  readonly call: typeof callerOfToken;
  readonly form: AssumedForm;
  readonly now: () => Date;
}

/** An identity and what in the cluster it rests on. */
export interface Subject {
  readonly identity: AwsFederatedIdentity;
  readonly provider: AwsOidcProvider | undefined;
  /** All of its namespace. */
  readonly neighbours: readonly AwsFederatedIdentity[];
  readonly namespaceLabels: Readonly<Record<string, string>> | undefined;
  /** UID of kube-system, which the role's tags name. */
  readonly clusterId: string;
  /** The one pod that the question is about; undefined: all of the ServiceAccount. */
  readonly pod: string | undefined;
}

const says = (text: string): string => text;
const saying = ({ says: text }: { readonly says: string }): string => text;

/** Walks the chain from the issuer to a call at AWS, and stops at the first broken link. Writes nothing, anywhere. */
export async function diagnose(
  dependencies: DoctorDependencies,
  subject: Subject,
  signal: AbortSignal,
): Promise<Diagnosis> {
  const { namespace = '', name = '' } = subject.identity.metadata;
  const chain = new Chain();
  const links = await chain.walk(async () => {
    const objects = await chain.examine('objects', (warn) => examineObjects(subject, warn), saying);
    if (objects === undefined) return;
    const { input, spec } = objects;
    const issuer = await chain.examine(
      'issuer',
      (warn) => examineIssuer(dependencies, { subject, spec, warn }, signal),
      saying,
    );
    const issuerUrl = issuer?.url ?? subject.provider?.status?.issuer;
    if (issuerUrl === undefined) return;
    const view = accountView(dependencies.accounts, spec, signal);
    const provider = { name: input.spec.providerRef.name, spec, issuer: issuerUrl };
    const registered = await chain.examine(
      'provider',
      (warn) =>
        examineProvider(
          view,
          { subject, provider, pins: issuer?.pins ?? [], audience: input.spec.audience, warn },
          signal,
        ),
      saying,
    );
    const arn = registered?.arn;
    const desired = await chain.examine('guardrails', () => examineGuardrails(subject, input, provider, arn), saying);
    if (desired === undefined) return;
    const role = await chain.examine(
      'role',
      (warn) => examineRole(view, { subject, desired: desired.state, warn }, signal),
      saying,
    );
    await chain.examine('trust policy', (warn) => examineTrust(desired.state, role?.role, warn), says);
    const roleArn = role?.role.arn ?? desired.roleArn;
    await chain.examine(
      'ServiceAccount',
      (warn) => examineBinding(dependencies.cluster, { subject, roleArn, desired: desired.state, warn }, signal),
      says,
    );
    const { cluster, form } = dependencies;
    await chain.examine('pods', (warn) => examinePods(cluster, { subject, roleArn, form, warn }, signal), says);
    const token = await chain.examine(
      'token',
      (warn) => examineToken(dependencies, { subject, desired: desired.state, warn }, signal),
      saying,
    );
    if (token === undefined) return;
    const question = { region: spec.region, roleArn, token: token.token };
    const { lastSyncTime } = subject.identity.status ?? {};
    await chain.examine('STS', () => examineExchange(dependencies, { ...question, lastSyncTime }, signal), says);
    await chain.examine('call', () => examineCall(dependencies, question, signal), says);
  });
  return { namespace, name, links };
}
