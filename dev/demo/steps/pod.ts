import { stringify } from 'yaml';
import { NAMESPACE, podOf } from '../scene.ts';
import { kubectl, quietly, type Stage } from '../stage.ts';
import type { Injected } from '../workload-process.ts';

interface Variable {
  readonly name: string;
  readonly value?: string;
}

interface Pod {
  readonly spec: {
    readonly volumes: readonly {
      readonly name: string;
      readonly projected?: {
        readonly sources: readonly { readonly serviceAccountToken?: { readonly audience?: string } }[];
      };
    }[];
    readonly containers: readonly {
      readonly env?: readonly Variable[];
      readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
    }[];
  };
}

const VOLUME = 'aws-iam-token';

/** Resolves with what the pod was given. */
export async function pod(stage: Stage, roleArn: string): Promise<Injected> {
  const { stack, narrator } = stage;
  await narrator.chapter(
    'A pod starts',
    'Its author writes nothing about AWS. The API server itself adds the rest, by an admission policy: no webhook, no certificate, no pod of ours in the way.',
  );
  await kubectl(stage, 'create -f -', podOf('reports'));
  const command = `get pod reports-worker -n ${NAMESPACE} -o`;
  narrator.command(`kubectl ${command} yaml   # only what was added`);
  const { spec }: Pod = JSON.parse(await quietly(stack, `${command} json`));
  const [container = {}] = spec.containers;
  const env = container.env ?? [];
  const volume = spec.volumes.find(({ name }) => name === VOLUME);
  const mount = container.volumeMounts?.find(({ name }) => name === VOLUME);
  const added = { containers: [{ env, volumeMounts: [mount] }], volumes: [volume] };
  narrator.show(stringify(added, { collectionStyle: 'any', lineWidth: 96 }));

  const valueOf = (wanted: string): string => env.find(({ name }) => name === wanted)?.value ?? '';
  narrator.expect('the pod carries the ARN of the role', valueOf('AWS_ROLE_ARN') === roleArn, env);
  narrator.expect(
    'and a volume with a token for AWS and for nothing else, where the SDK looks for it',
    volume?.projected?.sources[0]?.serviceAccountToken?.audience === 'sts.amazonaws.com' &&
      valueOf('AWS_WEB_IDENTITY_TOKEN_FILE') === `${mount?.mountPath}/token`,
    added,
  );
  return { roleArn: valueOf('AWS_ROLE_ARN'), region: valueOf('AWS_REGION') };
}
