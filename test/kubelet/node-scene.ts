import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, inject } from 'vitest';
import { NODE_IN_IMAGE, nodeFiles, programFile, writeImages } from '../../dev/node/image.ts';
import { type Node, startNode } from '../../dev/node/node.ts';
import type { NodePrograms } from '../../dev/node/programs.ts';
import type { Cluster } from '../../dev/cluster/cluster.ts';
import type { Stack } from '../../dev/stack/stack.ts';

export const IMAGE = 'registry.example/workload:1';
const PAUSE_IMAGE = 'registry.example/pause:1';
const PROGRAM = '/workload.mjs';

/** What the workload program of the demo prints: an answer, or the name and message of the error. */
export interface View {
  readonly caller: string;
  readonly listed: string;
  readonly content: string;
  readonly refused: string;
}

/** A node for all tests of a file. */
export function useNode(stack: () => Stack): () => Node {
  let node: Node | undefined;
  beforeAll(async () => {
    node = await startWorkloadNode(stack().cluster, inject('nodePrograms'));
  });
  afterAll(() => node?.[Symbol.asyncDispose]());
  return () => {
    if (node === undefined) throw new Error('the node has not started');
    return node;
  };
}

/** A node with IMAGE, which runs Node and holds a program that calls AWS with the SDK and prints a View. */
export async function startWorkloadNode(cluster: Cluster, programs: NodePrograms): Promise<Node> {
  const folder = await mkdtemp(join(tmpdir(), 'federated-identity-images-'));
  try {
    const images = join(folder, 'images.tar');
    const workload = fileURLToPath(new URL('../../dev/demo/workload.ts', import.meta.url));
    await writeImages(
      images,
      [...(await nodeFiles()), await programFile(workload, PROGRAM)],
      [
        { name: IMAGE, entrypoint: [NODE_IN_IMAGE] },
        { name: PAUSE_IMAGE, entrypoint: [NODE_IN_IMAGE, '--eval', WAIT] },
      ],
    );
    return await startNode(cluster, { programs, images, pauseImage: PAUSE_IMAGE });
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** JavaScript that waits for its end. */
export const WAIT = 'setInterval(() => {}, 2 ** 30)';

/** A container that calls AWS: lists and reads one bucket, and tries to list another. */
export const awsCaller = (name: string, bucket: string, other: string): object => ({
  name,
  image: IMAGE,
  args: [PROGRAM, bucket, 'q3.csv', other],
});
