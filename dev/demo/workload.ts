// What a workload does, with nothing but the variables and the file that were injected into its pod: the AWS SDK's default
// credential chain finds AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE by itself. Prints one line of JSON.
import { ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';

const attempt = async <T>(call: () => Promise<T>): Promise<T | string> => {
  try {
    return await call();
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  }
};

const s3 = new S3Client({ forcePathStyle: true, maxAttempts: 1 });
const list = (Bucket: string) =>
  attempt(async () => ((await s3.send(new ListObjectsV2Command({ Bucket }))).Contents ?? []).map(({ Key }) => Key));

const caller = await attempt(
  async () => (await new STSClient({ maxAttempts: 1 }).send(new GetCallerIdentityCommand({}))).Arn,
);
const [allowed = '', forbidden = ''] = process.argv.slice(2);
console.log(JSON.stringify({ caller, allowed: await list(allowed), forbidden: await list(forbidden) }));
