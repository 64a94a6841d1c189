import { NAMESPACE, THEIR_ROLE } from '../scene.ts';
import { kubectl, quietly, type Stage } from '../stage.ts';
import { type Injected, runWorkload } from '../workload-process.ts';

export async function farewell(stage: Stage, injected: Injected, token: string): Promise<void> {
  const { stack, narrator } = stage;
  const { account } = stack;
  await narrator.chapter(
    'The team leaves',
    'Deleting the identity deletes its role; deleting the provider removes the rest (deletionPolicy: Delete).',
  );
  await kubectl(stage, `delete afi/reports -n ${NAMESPACE} --timeout=30s`);
  const { caller } = await runWorkload(stack, injected, token);
  narrator.quote(`the workload, with its old token: ${caller}`);
  narrator.expect('the old token opens nothing any more', caller.startsWith('AccessDenied'), caller);
  await kubectl(stage, 'delete aop/default --timeout=30s');

  narrator.say('', 'What is left in AWS:');
  const roles = account.roles().map(({ name }) => name);
  const providers = account.providers().map(({ url }) => url);
  narrator.show(
    `roles:          ${roles.join(', ')} (was never ours)\nOIDC providers: ${providers.join(', ') || 'none'}`,
  );
  narrator.expect('nothing of ours', roles.join() === THEIR_ROLE && providers.length === 0, { roles, providers });
  const left = await quietly(
    stack,
    `get serviceaccount/reports configmap/aws-pod-injection -n ${NAMESPACE} --ignore-not-found -o name`,
  );
  narrator.expect('and nothing in the namespace: neither ServiceAccount nor injection table', left.trim() === '', left);
}
