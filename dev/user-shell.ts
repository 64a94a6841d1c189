import { writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { REGION, type Stack } from './stack/stack.ts';

const PLUGINS = fileURLToPath(new URL('../bin', import.meta.url));
const ADMINISTRATOR = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] };

/**
 * Writes what a person's shell needs to work on a stack as its administrator, to be read by `.` of another terminal: the
 * cluster, the AWS account, where its issuer is reached, and `kubectl` with `kubectl aws-identity` on PATH. Resolves with
 * the path of the file, which goes with the cluster's folder and is for its owner only.
 */
export async function writeUserShell({ cluster, aws, account, issuerEnvironment }: Stack): Promise<string> {
  const { accessKeyId, secretAccessKey } = account.createUser('administrator', ADMINISTRATOR);
  const file = join(cluster.folder, 'environment.sh');
  const lines = exportLines({
    KUBECONFIG: cluster.kubeconfig,
    AWS_ENDPOINT_URL: aws.endpoint,
    AWS_REGION: REGION,
    AWS_DEFAULT_REGION: REGION, // version 1 of the aws CLI knows only this one
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    ...issuerEnvironment,
  });
  const path = [PLUGINS, dirname(cluster.kubectl), dirname(process.execPath)].join(delimiter);
  await writeFile(file, `${lines}export PATH=${quoted(path)}:"$PATH"\n`, { mode: 0o600 });
  return file;
}

/** One `export` for each variable, for any POSIX shell. */
export const exportLines = (environment: Readonly<Record<string, string>>): string =>
  Object.entries(environment)
    .map(([name, value]) => `export ${name}=${quoted(value)}\n`)
    .join('');

const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;
