import { MAY_NOT_READ, MAY_READ, NAMESPACE, OBJECT } from '../scene.ts';
import { kubectl, quietly, type Stage } from '../stage.ts';
import { type Injected, runWorkload } from '../workload-process.ts';

export async function workload(stage: Stage, injected: Injected, token: string): Promise<void> {
  const { stack, narrator } = stage;
  await narrator.chapter(
    'The workload uses AWS',
    'A process of its own with the real AWS SDK. It has these variables and no others, but an empty HOME. AWS_ENDPOINT_URL is there because this AWS is a local one; it fetches the keys of the issuer by HTTPS, and checks signature, expiry, audience, trust policy and every permission.',
  );
  const { roleArn, region } = injected;
  narrator.show(
    `AWS_ROLE_ARN=${roleArn}\nAWS_WEB_IDENTITY_TOKEN_FILE=<file with the token above>\nAWS_REGION=${region}\nAWS_ENDPOINT_URL=${stack.aws.endpoint}`,
  );
  narrator.command('node dev/demo/workload.ts');
  const view = await runWorkload(stack, injected, token);
  narrator.quote(`GetCallerIdentity: ${view.caller}`);
  narrator.expect(
    'STS let it in, as the role',
    view.caller.includes(`:assumed-role/${roleArn.split('/').at(-1)}/`),
    view,
  );
  narrator.quote(`ListObjectsV2 ${MAY_READ}: ${view.listed}; GetObject ${OBJECT}: ${view.content}`);
  narrator.expect('it lists and reads its bucket', view.listed === OBJECT && view.content === 'revenue,42', view);
  narrator.quote(`ListObjectsV2 ${MAY_NOT_READ}: ${view.refused}`);
  narrator.expect('and is refused the other bucket', view.refused.startsWith('AccessDenied'), view);

  narrator.say('', 'Another ServiceAccount of the same namespace tries the same role:');
  await kubectl(stage, `create serviceaccount intruder -n ${NAMESPACE}`);
  const foreign = await quietly(stack, `create token intruder -n ${NAMESPACE} --audience sts.amazonaws.com`);
  const { caller } = await runWorkload(stack, injected, foreign.trim());
  narrator.quote(caller);
  narrator.expect('STS refuses its token', caller.startsWith('AccessDenied'), caller);
}
