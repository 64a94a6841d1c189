import type { Desired } from '../../controllers/aws-federated-identity/desired.ts';
import { waiting } from '../../errors.ts';
import type { RoleArn } from '../../iam/arn.ts';
import { entryOf, type InjectionTable, CONFIG_MAPS, parseEntry, TABLE_NAME } from '../../kube/injection-table.ts';
import { SERVICE_ACCOUNTS } from '../../kube/kinds.ts';
import type { ClusterConnection } from '../../kube/kubeconfig.ts';
import { annotationsOf } from '../../controllers/aws-federated-identity/plan-binding.ts';
import { getIfThere } from '../cluster-reads.ts';
import type { Subject } from './diagnose.ts';
import { unseenIfForbidden } from './forbidden.ts';

interface BindingQuestion {
  readonly subject: Subject;
  readonly roleArn: RoleArn;
  readonly desired: Desired;
  readonly warn: (warning: string) => void;
}

/** The ServiceAccount, and the entry in the injection table by which the API server knows what its pods get. */
export async function examineBinding(
  cluster: ClusterConnection,
  { subject: { identity }, roleArn, desired, warn }: BindingQuestion,
  signal: AbortSignal,
): Promise<string> {
  const { namespace = '' } = identity.metadata;
  const { name, create } = identity.spec.serviceAccount;
  const account = await getIfThere(cluster, SERVICE_ACCOUNTS, { namespace, name }, signal);
  if (account === undefined) {
    throw waiting(
      'ServiceAccountNotFound',
      `ServiceAccount ${namespace}/${name} does not exist. ${create ? 'The operator makes it while it runs.' : 'Create it, or set spec.serviceAccount.create to true.'}`,
      0,
    );
  }
  const wanted = annotationsOf({ roleArn, ...desired.injection });
  for (const [key, value] of Object.entries(wanted)) {
    const present = account.metadata.annotations?.[key];
    if (present === value) continue;
    warn(`Its annotation ${key} is ${present ?? 'missing'}, not ${value}. The operator repairs it while it runs.`);
  }
  const table = await getIfThere<InjectionTable>(cluster, CONFIG_MAPS, { namespace, name: TABLE_NAME }, signal).catch(
    unseenIfForbidden(`the injection table (ConfigMap ${namespace}/${TABLE_NAME})`),
  );
  checkEntry(entryOf(table, name), { namespace, name, roleArn });
  return `ServiceAccount ${name} is there, and the injection table gives its pods the role`;
}

function checkEntry(
  text: string | undefined,
  { namespace, name, roleArn }: { readonly namespace: string; readonly name: string; readonly roleArn: RoleArn },
): void {
  const where = `in ConfigMap ${namespace}/${TABLE_NAME}`;
  const next = 'The operator writes it while it runs: kubectl aws-identity reconcile.';
  if (text === undefined) {
    throw waiting('Pending', `ServiceAccount ${name} has no entry ${where}, so its pods are not injected. ${next}`, 0);
  }
  const entry = parseEntry(text);
  switch (entry.kind) {
    case 'pending':
      throw waiting(
        'Pending',
        `Pods of ServiceAccount ${name} are denied until the identity is ready (${entry.reason}). ${next}`,
        0,
      );
    case 'unreadable':
      throw waiting('Pending', `The entry of ServiceAccount ${name} ${where} can't be read. ${next}`, 0);
    case 'injection':
      if (entry.injection.roleArn === roleArn) return;
      throw waiting(
        'Pending',
        `The entry of ServiceAccount ${name} ${where} has the role ${entry.injection.roleArn}, not ${roleArn}. ${next}`,
        0,
      );
    default:
      entry satisfies never;
  }
}
