import { fileURLToPath } from 'node:url';
import { run } from '../../cluster/process.ts';
import { NAMESPACE } from '../scene.ts';
import type { Stage } from '../stage.ts';

const PROGRAM = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));

const READ_ONLY = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: ['iam:Get*', 'iam:List*'], Resource: '*' }],
};

/** The proof link by link, as somebody sees it who asks why a pod has no credentials. */
export async function doctor({ stack, narrator }: Stage): Promise<void> {
  await narrator.chapter(
    'The chain, link by link',
    'Where a pod has no credentials, doctor walks from the issuer to a call at AWS and stops at the first broken link. It looks for itself, with the rights of whoever asks, and does not need the operator.',
  );
  const reader = stack.account.createUser('person-with-read-access', READ_ONLY);
  const args = ['doctor', 'reports', '-n', NAMESPACE];
  narrator.command(`kubectl aws-identity ${args.join(' ')}`);
  const output = await run(process.execPath, [PROGRAM, ...args], {
    env: {
      PATH: process.env['PATH'],
      HOME: stack.cluster.folder, // no ~/.aws of the developer
      KUBECONFIG: stack.cluster.kubeconfig,
      AWS_ENDPOINT_URL: stack.aws.endpoint,
      AWS_ACCESS_KEY_ID: reader.accessKeyId,
      AWS_SECRET_ACCESS_KEY: reader.secretAccessKey,
      ...stack.issuerEnvironment,
    },
    timeoutMs: 60_000,
  });
  narrator.show(output);
  narrator.expect('every link holds', output.includes('Every link holds'), output);
}
