import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../cluster/process.ts';
import type { Stack } from '../stack/stack.ts';
import { MAY_NOT_READ, MAY_READ, OBJECT } from './scene.ts';

/** What the workload got from AWS: an answer, or the name and message of the error. */
export interface WorkloadView {
  readonly caller: string;
  readonly listed: string;
  readonly content: string;
  readonly refused: string;
}

/** What was injected into a pod, as far as its process sees it. */
export interface Injected {
  readonly roleArn: string;
  readonly region: string;
}

/** Runs workload.ts with the variables of an injected pod and nothing else, but the endpoint of the local AWS. */
export async function runWorkload(stack: Stack, { roleArn, region }: Injected, token: string): Promise<WorkloadView> {
  const folder = await mkdtemp(join(tmpdir(), 'federated-identity-demo-'));
  try {
    const tokenFile = join(folder, 'token');
    await writeFile(tokenFile, token, { mode: 0o600 });
    const script = fileURLToPath(new URL('workload.ts', import.meta.url));
    const output = await run(process.execPath, [script, MAY_READ, OBJECT, MAY_NOT_READ], {
      timeoutMs: 30_000,
      env: {
        AWS_ROLE_ARN: roleArn,
        AWS_WEB_IDENTITY_TOKEN_FILE: tokenFile,
        AWS_REGION: region,
        AWS_ENDPOINT_URL: stack.aws.endpoint,
        HOME: folder, // no ~/.aws of the person who runs the demo
      },
    });
    const view: WorkloadView = JSON.parse(output);
    return view;
  } finally {
    await rm(folder, { recursive: true });
  }
}
