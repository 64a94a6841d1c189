import pRetry from 'p-retry';
import { applyAction as applyRoleAction } from '../controllers/aws-federated-identity/apply.ts';
import { applyAction as applyProviderAction } from '../controllers/aws-oidc-provider/apply.ts';
import { ReconcileError } from '../errors.ts';
import type { AwsAccount } from '../iam/account.ts';
import type { BootstrapPlan } from './bootstrap-plan.ts';
import { CliError } from './failures.ts';

type Writes = Pick<AwsAccount, 'oidcProviders' | 'roles'>;

/** Carries out a plan that is not refused, and tells of each call that is done. Throws a CliError at the first that fails. */
export async function applyBootstrap(
  { oidcProviders, roles }: Writes,
  { design, provider, role }: BootstrapPlan,
  onDone: (operation: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const { arn } = design.provider;
  for (const action of provider.kind === 'apply' ? provider.actions : []) {
    await carryOut(action.type, arn, () => applyProviderAction(oidcProviders, arn, action, signal));
    onDone(`${action.type} ${arn}`);
  }
  const { name } = design.role;
  for (const action of role.kind === 'planned' ? role.actions : []) {
    const done = await carryOut(action.type, `role ${name}`, () => applyRoleAction(roles, name, action, signal));
    if (done === 'EntityAlreadyExists') {
      throw new CliError(`IAM role ${name} was made meanwhile: run the command again to have it looked at`);
    }
    onDone(`${action.type} ${name}`);
  }
}

/** IAM may not know everywhere yet what was made a moment ago. */
const RETRIED: ReadonlySet<string> = new Set(['Propagating', 'Throttled']);

async function carryOut<T>(operation: string, target: string, call: () => Promise<T>): Promise<T> {
  try {
    return await pRetry(call, {
      retries: 6,
      minTimeout: 500,
      shouldRetry: ({ error }) => error instanceof ReconcileError && RETRIED.has(error.reason),
    });
  } catch (error) {
    if (!(error instanceof ReconcileError)) throw error;
    const text = error.cause instanceof Error && error.cause.message !== '' ? error.cause.message : error.message;
    throw new CliError(
      `${operation} of ${target} failed: ${text} What was done before it stays; run the command again when the cause is gone.`,
      { cause: error },
    );
  }
}
