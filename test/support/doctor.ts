import { beforeAll, expect } from 'vitest';
import type { Stack } from '../../dev/stack/stack.ts';
import { type Outcome, runPlugin } from './plugin.ts';
import { identity, newNamespace, pod, provider, S3_READ, untilReady } from './stories.ts';

const READ_ONLY = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: ['iam:Get*', 'iam:List*'], Resource: '*' }],
};

interface LinkJson {
  readonly link: string;
  readonly state: string;
  readonly reason: string | null;
  readonly message: string | null;
  readonly warnings: readonly string[];
}

/** Arguments after `doctor`, and variables of its environment: by default the one identity, with AWS credentials. */
type Question = [args?: readonly string[], environment?: NodeJS.ProcessEnv];

export interface DoctorScene {
  readonly namespace: string;
  /** AWS credentials that may read IAM. */
  readonly keys: NodeJS.ProcessEnv;
  run(...question: Question): Promise<Outcome>;
  links(...question: Question): Promise<{ readonly code: number; readonly links: readonly LinkJson[] }>;
  /** The first broken link as `link: reason`, its message, and that the walk ended there with exit code 3. */
  firstBroken(...question: Question): Promise<{ readonly link: string; readonly message: string }>;
}

/**
 * An identity `app` that works, and its pod. Then the operator is stopped: it would mend what the tests break, and doctor must
 * not need it. `prepare` runs before that.
 */
export function useDoctor(stack: () => Stack, prepare: () => Promise<void> = async () => {}): () => DoctorScene {
  let scene: DoctorScene | undefined;
  beforeAll(async () => {
    const { kubectl, account, operator } = stack();
    const namespace = await newNamespace(stack());
    const { accessKeyId, secretAccessKey } = account.createUser('reader', READ_ONLY);
    await kubectl(['apply', '-f', '-'], provider());
    await untilReady(stack(), 'aop/default');
    await kubectl(['apply', '-f', '-'], identity(namespace, { role: { managedPolicyArns: [S3_READ] } }));
    await untilReady(stack(), 'afi/app', namespace);
    await kubectl(['create', '-f', '-'], pod(namespace, 'app'));
    await prepare();
    await operator.stop();
    scene = sceneOf(stack(), namespace, { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey });
  });
  return () => {
    if (scene === undefined) throw new Error('the scene is not there yet');
    return scene;
  };
}

function sceneOf(stack: Stack, namespace: string, keys: NodeJS.ProcessEnv): DoctorScene {
  const run: DoctorScene['run'] = (args = ['app', '-n', namespace], environment = keys) =>
    runPlugin(stack, ['doctor', ...args], {
      ...stack.issuerEnvironment,
      AWS_ENDPOINT_URL: stack.aws.endpoint,
      ...environment,
    });
  const links: DoctorScene['links'] = async (args = ['app', '-n', namespace], environment) => {
    const { code, stdout, stderr } = await run([...args, '-o', 'json'], environment);
    if (stdout === '') throw new Error(stderr);
    const [diagnosis] = JSON.parse(stdout) as readonly { readonly links: readonly LinkJson[] }[];
    return { code, links: diagnosis?.links ?? [] };
  };
  const firstBroken: DoctorScene['firstBroken'] = async (...question) => {
    const found = await links(...question);
    const index = found.links.findIndex(({ state }) => state === 'broken');
    const broken = found.links[index];
    const after = found.links.slice(index + 1).map(({ state }) => state);
    expect(after).toEqual(after.map(() => 'unreached'));
    expect(found.code, JSON.stringify(found.links, undefined, 2)).toBe(3);
    return { link: `${broken?.link}: ${broken?.reason}`, message: broken?.message ?? '' };
  };
  return { namespace, keys, run, links, firstBroken };
}
