import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3';
import { CLIENT_OPTIONS } from '../iam/calls.ts';

/**
 * Clients for S3 with the same credentials, one for each region, made at its first use. The SDK's part for S3 is loaded only
 * then. `prepare` is told of each new one.
 */
export function s3Clients(
  credentials: NonNullable<S3ClientConfig['credentials']>,
  prepare: (client: S3Client) => void,
): (region: string) => Promise<S3Client> {
  const clients = new Map<string, Promise<S3Client>>();
  const connect = async (region: string): Promise<S3Client> => {
    const { S3Client: Client } = await import('@aws-sdk/client-s3');
    const client = new Client({ region, credentials, ...CLIENT_OPTIONS });
    prepare(client);
    return client;
  };
  return (region) => {
    const client = clients.get(region) ?? connect(region);
    clients.set(region, client);
    return client;
  };
}
