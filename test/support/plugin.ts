import { execFile } from 'node:child_process';
import { delimiter, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Stack } from '../../dev/stack/stack.ts';

const PLUGINS = fileURLToPath(new URL('../../bin', import.meta.url));

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `kubectl aws-identity …` as a user does: the real kubectl, and the plugin on PATH. */
export const runPlugin = (
  stack: Pick<Stack, 'cluster'>,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<Outcome> => runAsUser(stack, [stack.cluster.kubectl, 'aws-identity', ...args], environment);

/** Runs any program with what a user of the plugin has in the environment. */
export function runAsUser(
  { cluster }: Pick<Stack, 'cluster'>,
  [program = '', ...args]: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<Outcome> {
  const env = {
    PATH: [PLUGINS, dirname(process.execPath), process.env['PATH']].join(delimiter),
    HOME: cluster.folder, // no ~/.aws of the developer
    KUBECONFIG: cluster.kubeconfig,
    AWS_EC2_METADATA_DISABLED: 'true',
    ...environment,
  };
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
  execFile(program, args, { env }, (error, stdout, stderr) => {
    const code = error === null ? 0 : error.code;
    if (typeof code === 'number') resolve({ code, stdout, stderr });
    else reject(error);
  });
  return promise;
}
