import { ADMINISTRATOR, GREEDY, NAMESPACE, podOf, TAKEOVER, THEIR_ROLE } from '../scene.ts';
import { kubectl, operatorWrites, quietly, readyMessage, type Stage, until } from '../stage.ts';

export async function tooMuch(stage: Stage): Promise<void> {
  const { stack, narrator } = stage;
  await narrator.chapter(
    'Somebody asks for too much',
    'The guardrails of the platform team decide, before anything is written to AWS.',
  );
  const mark = stack.aws.calls.mark();
  await kubectl(stage, 'apply -f -', GREEDY);
  const message = await readyMessage(stack, `afi/greedy -n ${NAMESPACE}`, 'PolicyNotAllowed');
  narrator.quote(message);
  narrator.expect(
    'Ready=False says why, and what to change where',
    message.startsWith('PolicyNotAllowed') && message.includes(ADMINISTRATOR) && message.includes('guardrails'),
    message,
  );
  const writes = operatorWrites(stack, mark);
  narrator.expect('nothing was written to AWS', writes.length === 0, writes);

  narrator.say('', 'Its pods would start without credentials. They do not start at all:');
  await kubectl(stage, `create serviceaccount greedy -n ${NAMESPACE}`);
  narrator.command('kubectl create -f -   # the pod of chapter 4, with serviceAccountName: greedy');
  const denied = await until(
    () => quietly(stack, 'create -f -', podOf('greedy')).then(() => 'the pod was admitted', said),
    (text) => !text.includes('not found'), // the ServiceAccount is a moment old
  );
  narrator.quote(denied);
  narrator.expect(
    'the pod is denied, with the reason of its identity and the next step',
    denied.includes('denied request: AwsFederatedIdentity greedy') && denied.includes('PolicyNotAllowed'),
    denied,
  );
  await kubectl(stage, `delete afi/greedy -n ${NAMESPACE} --timeout=30s`);
}

export async function notOurs(stage: Stage): Promise<void> {
  const { stack, narrator } = stage;
  const { account } = stack;
  await narrator.chapter(
    'A role that belongs to somebody else',
    `The account has a role "${THEIR_ROLE}" that the operator did not make. An identity names it.`,
  );
  await account.perform('CreateRole', {
    RoleName: THEIR_ROLE,
    Path: '/federated/',
    AssumeRolePolicyDocument: JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
    }),
  });
  const before = JSON.stringify(account.role(THEIR_ROLE));
  const mark = stack.aws.calls.mark();
  await kubectl(stage, 'apply -f -', TAKEOVER);
  const message = await readyMessage(stack, `afi/takeover -n ${NAMESPACE}`, 'RoleNotOwned');
  narrator.quote(message);
  narrator.expect('it is not taken over, and the status says so', message.startsWith('RoleNotOwned'), message);
  await kubectl(stage, `delete afi/takeover -n ${NAMESPACE} --timeout=30s`);
  const untouched = JSON.stringify(account.role(THEIR_ROLE)) === before && operatorWrites(stack, mark).length === 0;
  narrator.expect('before and after: the role was not touched, not even by a tag', untouched, account.role(THEIR_ROLE));
}

/** What kubectl said about a failure: its own line, after the one that names the command. */
const said = (error: unknown): string => String(error).split('\n').slice(1).join('\n') || String(error);
