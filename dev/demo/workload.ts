// What a workload does, with nothing but the variables and the file that were injected into its pod: the AWS SDK's default
// credential chain finds AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE by itself. Prints one line of JSON.
// Usage: node workload.ts <bucket> <object> <another bucket>
import { GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';

const attempt = async <T>(call: () => Promise<T>): Promise<T | string> => {
  try {
    return await call();
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  }
};

const [bucket = '', object = '', another = ''] = process.argv.slice(2);
const sts = new STSClient({ maxAttempts: 1 });
const s3 = new S3Client({ forcePathStyle: true, maxAttempts: 1 });
const list = async (Bucket: string) =>
  ((await s3.send(new ListObjectsV2Command({ Bucket }))).Contents ?? []).map(({ Key }) => Key).join(' ');

const view = {
  caller: await attempt(async () => (await sts.send(new GetCallerIdentityCommand({}))).Arn),
  listed: await attempt(() => list(bucket)),
  content: await attempt(async () =>
    (await s3.send(new GetObjectCommand({ Bucket: bucket, Key: object }))).Body?.transformToString(),
  ),
  refused: await attempt(() => list(another)),
};
console.log(JSON.stringify(view));
