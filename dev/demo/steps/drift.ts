import { ADMINISTRATOR, MANAGED_POLICY, NAMESPACE } from '../scene.ts';
import { kubectl, operations, operatorCalls, operatorWrites, quietly, type Stage, trail, until } from '../stage.ts';
import { readableLog } from '../operator-log.ts';

/** What the two looks at AWS cost. */
export interface Cost {
  /** Writes that the repair took. */
  readonly repairs: readonly string[];
  /** Calls of one sweep in which nothing had changed. */
  readonly quietSweep: readonly string[];
}

const SWEEP = 'GetAccountAuthorizationDetails';

/** Seconds between two sweeps in the demo; ten minutes by default. */
export const SWEEP_SECONDS = 3;

export async function drift(stage: Stage, roleArn: string): Promise<Cost> {
  const { stack, narrator } = stage;
  const RoleName = roleArn.split('/').at(-1) ?? '';
  await narrator.chapter(
    'Somebody changes the role by hand',
    `In the AWS console, past the cluster: one policy is detached, and one that grants everything is attached. The operator looks every ${SWEEP_SECONDS} seconds here (ten minutes by default), at all roles in one sweep.`,
  );
  const mark = stack.aws.calls.mark();
  await stack.account.perform('DetachRolePolicy', { RoleName, PolicyArn: MANAGED_POLICY });
  await stack.account.perform('AttachRolePolicy', { RoleName, PolicyArn: ADMINISTRATOR });
  const repairs = await until(
    () => operations(operatorWrites(stack, mark)),
    (seen) => seen.length >= 2,
  );
  narrator.say('The call log of AWS, who and what:');
  narrator.show(trail(stack.aws.calls.since(mark).filter(({ service }) => service === 'iam')));
  narrator.expect(
    'seen and repaired, what is too much goes first',
    repairs.join() === 'DetachRolePolicy,AttachRolePolicy',
    repairs,
  );
  const attached = stack.account.role(RoleName)?.attachedPolicies ?? [];
  narrator.expect('the role has its one policy again, and only that', attached.join() === MANAGED_POLICY, attached);
  await told(stage);
  return { repairs, quietSweep: await secondLook(stage) };
}

/** A repair is no secret: an Event, a line in the log. */
async function told(stage: Stage): Promise<void> {
  const { stack, narrator } = stage;
  const events = `get events -n ${NAMESPACE} --field-selector reason=DriftRepaired`;
  const event = await until(
    () => quietly(stack, `${events} -o name`),
    (text) => text !== '',
  );
  narrator.say('', 'And it is told, as an Event and as a line of the log:');
  await kubectl(stage, `${events} \\\n    -o custom-columns=TYPE:.type,MESSAGE:.message`);
  const line = await until(
    async () => (await readableLog(stack)).findLast((text) => text.includes('repaired drift')),
    (text) => text !== undefined,
  );
  narrator.quote(`log: ${line}`);
  narrator.expect('Event and log name the field', event !== '' && line?.includes('managedPolicyArns') === true, line);
}

async function secondLook({ stack, narrator }: Stage): Promise<readonly string[]> {
  narrator.say('', 'Then nothing happens. We watch two more sweeps:');
  const mark = stack.aws.calls.mark();
  const seen = await until(
    () => operations(operatorCalls(stack, mark)),
    (calls) => calls.filter((operation) => operation === SWEEP).length >= 2,
  );
  narrator.show(trail(operatorCalls(stack, mark)));
  const writes = operatorWrites(stack, mark);
  narrator.expect(
    'AWS writes in steady state: 0',
    writes.length === 0 && seen.filter((operation) => operation === SWEEP).length >= 2,
    seen,
  );
  const first = seen.indexOf(SWEEP);
  return seen.slice(first + 1, seen.indexOf(SWEEP, first + 1) + 1); // one whole period
}
