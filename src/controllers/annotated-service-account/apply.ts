import type { Logger } from 'pino';
import { isConflict, isNotFound, toKubernetesError } from '../../kube/errors.ts';
import { INJECTION_LABEL, SERVICE_ACCOUNTS } from '../../kube/kinds.ts';
import type { ObjectMeta } from '../../kube/resource.ts';
import { changeEntries, deleteTable } from '../../kube/table-entries.ts';
import { sleep } from '../../runtime/abort.ts';
import type { Dependencies } from './dependencies.ts';
import type { Action } from './plan.ts';

export interface ApplyContext {
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** Every API server must have seen the entries before the gate opens. */
const TABLE_SPREAD_MS = 500;

/** Carries out the plan of a namespace, in its order: one write for all entries, and then one for each mark. */
export async function applyPlan(
  { kubernetes }: Pick<Dependencies, 'kubernetes'>,
  namespace: string,
  actions: readonly Action[],
  { signal, log }: ApplyContext,
): Promise<void> {
  let isSpread = true;
  for (const action of actions) {
    switch (action.type) {
      case 'ChangeEntries':
        await changeEntries(kubernetes, namespace, action.changes, signal);
        log.info({ action: action.type, serviceAccounts: Object.keys(action.changes) }, 'changed the cluster');
        isSpread = false;
        break;
      case 'DeleteTable':
        await deleteTable(kubernetes, action.table, signal);
        log.info({ action: action.type }, 'changed the cluster');
        break;
      case 'MarkServiceAccount':
        if (!isSpread) await sleep(TABLE_SPREAD_MS, signal);
        isSpread = true;
        signal.throwIfAborted();
        await markServiceAccount(kubernetes, action, { signal, log });
        break;
      default:
        action satisfies never;
    }
  }
}

async function markServiceAccount(
  kubernetes: Dependencies['kubernetes'],
  { serviceAccount, label }: { readonly serviceAccount: ObjectMeta; readonly label: string | null },
  { signal, log }: ApplyContext,
): Promise<void> {
  const { namespace, name = '', uid, resourceVersion } = serviceAccount;
  const patch = { metadata: { uid, resourceVersion, labels: { [INJECTION_LABEL]: label } } };
  try {
    await kubernetes.mergePatch(SERVICE_ACCOUNTS, { namespace, name }, patch, signal);
    log.info({ action: 'MarkServiceAccount', serviceAccount: name, label }, 'changed the cluster');
  } catch (error) {
    if (!isConflict(error) && !isNotFound(error)) throw toKubernetesError(`ServiceAccount ${namespace}/${name}`, error);
    log.debug({ serviceAccount: name }, 'the ServiceAccount has changed since, and wakes its namespace again');
  }
}
