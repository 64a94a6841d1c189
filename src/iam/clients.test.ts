import { ListRolesCommand } from '@aws-sdk/client-iam';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { awsClients, type AwsClients } from './clients.ts';

afterEach(() => void vi.unstubAllEnvs());

/** Host and signing region of a request that is caught before it leaves; no network is used. */
async function requestOf(client: AwsClients['iam'] | AwsClients['sts'], send: () => Promise<unknown>) {
  let caught: { readonly host: string; readonly signingRegion: string | undefined } | undefined;
  Object.assign(client.config, {
    requestHandler: {
      handle: async (request: { hostname: string; headers: Record<string, string> }) => {
        const signingRegion = request.headers['authorization']?.split('/')[2];
        caught = { host: request.hostname, signingRegion };
        throw new Error('caught');
      },
    },
  });
  await send().catch(() => 'caught');
  return caught;
}

describe('endpoints follow from the region [F47]', () => {
  // IAM is one endpoint for each partition; STS is asked in the region. Source: the SDK's endpoint rules.
  test.each([
    { region: 'eu-west-1', iam: 'iam.amazonaws.com', signs: 'us-east-1', sts: 'sts.eu-west-1.amazonaws.com' },
    { region: 'us-east-1', iam: 'iam.amazonaws.com', signs: 'us-east-1', sts: 'sts.us-east-1.amazonaws.com' },
    {
      region: 'cn-northwest-1',
      iam: 'iam.cn-north-1.amazonaws.com.cn',
      signs: 'cn-north-1',
      sts: 'sts.cn-northwest-1.amazonaws.com.cn',
    },
    {
      region: 'us-gov-east-1',
      iam: 'iam.us-gov.amazonaws.com',
      signs: 'us-gov-west-1',
      sts: 'sts.us-gov-east-1.amazonaws.com',
    },
    {
      region: 'eusc-de-east-1',
      iam: 'iam.eusc-de-east-1.amazonaws.eu',
      signs: 'eusc-de-east-1',
      sts: 'sts.eusc-de-east-1.amazonaws.eu',
    },
  ])('$region: $iam signed for $signs, and $sts', async ({ region, iam, signs, sts }) => {
    for (const name of ['AWS_ENDPOINT_URL', 'AWS_ENDPOINT_URL_IAM', 'AWS_ENDPOINT_URL_STS'])
      vi.stubEnv(name, undefined);
    const clients = awsClients(region, { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'secret' });
    const listRoles = { host: iam, signingRegion: signs };
    expect(await requestOf(clients.iam, () => clients.iam.send(new ListRolesCommand({})))).toEqual(listRoles);
    const { backgroundIam } = clients;
    expect(await requestOf(backgroundIam, () => backgroundIam.send(new ListRolesCommand({})))).toEqual(listRoles);
    const identity = () => clients.sts.send(new GetCallerIdentityCommand({}));
    expect(await requestOf(clients.sts, identity)).toEqual({ host: sts, signingRegion: region });
  });
});

test('all clients of a connection see the same renewal of its credentials', async () => {
  let keys = 0;
  const clients = awsClients('eu-west-1', async () => {
    keys += 1;
    return { accessKeyId: `key-${keys}`, secretAccessKey: 'secret' };
  });
  const used = () =>
    Promise.all(Object.values(clients).map(async (client) => (await client.config.credentials()).accessKeyId));
  expect(await used()).toEqual(['key-1', 'key-1', 'key-1']);
  await clients.sts.config.credentials({ forceRefresh: true });
  expect(await used()).toEqual(['key-2', 'key-2', 'key-2']);
});
