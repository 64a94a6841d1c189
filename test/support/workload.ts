import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { fromTokenFile } from '@aws-sdk/credential-providers';
import { REGION, type Stack } from '../../dev/stack/stack.ts';

/** What a workload sees of AWS. */
export interface Workload extends AsyncDisposable {
  callerArn(): Promise<string>;
  /** Keys of the objects in a bucket. */
  list(bucket: string): Promise<readonly string[]>;
}

export interface InjectedPod {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: {
    readonly serviceAccountName: string;
    readonly volumes: readonly {
      readonly name: string;
      readonly projected?: {
        readonly sources: readonly {
          readonly serviceAccountToken?: { readonly audience: string; readonly expirationSeconds: number };
        }[];
      };
    }[];
    readonly containers: readonly {
      readonly name: string;
      readonly env?: readonly { readonly name: string; readonly value?: string }[];
      readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
    }[];
  };
}

/** Runs the real SDK as in the pod: the token that the kubelet would mount, and the variables that were injected. */
export async function workloadOf(stack: Stack, pod: InjectedPod): Promise<Workload> {
  const { namespace, name } = pod.metadata;
  const volume = pod.spec.volumes.find((one) => one.name === 'aws-iam-token');
  const audience = volume?.projected?.sources[0]?.serviceAccountToken?.audience;
  const roleArn = pod.spec.containers[0]?.env?.find((one) => one.name === 'AWS_ROLE_ARN')?.value;
  if (audience === undefined || roleArn === undefined) throw new Error(`pod ${namespace}/${name} was not injected`);
  const token = await stack.kubectl([
    'create',
    'token',
    pod.spec.serviceAccountName,
    '-n',
    namespace,
    '--audience',
    audience,
    '--bound-object-kind',
    'Pod',
    '--bound-object-name',
    name,
  ]);
  return connect(stack.aws.endpoint, roleArn, token.trim());
}

async function connect(endpoint: string, roleArn: string, token: string): Promise<Workload> {
  const folder = await mkdtemp(join(tmpdir(), 'workload-'));
  const webIdentityTokenFile = join(folder, 'token');
  await writeFile(webIdentityTokenFile, token, { mode: 0o600 });
  const credentials = fromTokenFile({ roleArn, webIdentityTokenFile, clientConfig: { endpoint, region: REGION } });
  const options = { endpoint, region: REGION, credentials, maxAttempts: 1 };
  const sts = new STSClient(options);
  const s3 = new S3Client({ ...options, forcePathStyle: true });
  return {
    callerArn: async () => (await sts.send(new GetCallerIdentityCommand({}))).Arn ?? '',
    list: async (Bucket) =>
      ((await s3.send(new ListObjectsV2Command({ Bucket }))).Contents ?? []).map(({ Key = '' }) => Key),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}
