import { expect, onTestFinished, test, vi } from 'vitest';
import { startLocalAws } from '../../dev/aws/local-aws.ts';
import { ADMIN_POLICY } from '../../dev/aws/test-clients.ts';
import { awsAccounts } from '../../src/iam/account.ts';
import { RoleName, RolePath } from '../../src/iam/arn.ts';
import { ACCOUNT, desiredRole } from '../support/builders.ts';

/** An account with roles of two paths, of which some have the tag `team`. */
async function scene() {
  const aws = await startLocalAws({ accounts: [ACCOUNT], issuers: { resolve: {}, caCertificates: [] } });
  onTestFinished(() => aws[Symbol.asyncDispose]());
  onTestFinished(() => void vi.unstubAllEnvs());
  const key = aws.account(ACCOUNT).createUser('operator', ADMIN_POLICY);
  vi.stubEnv('AWS_ENDPOINT_URL', aws.endpoint);
  vi.stubEnv('AWS_ACCESS_KEY_ID', key.accessKeyId);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', key.secretAccessKey);
  const accounts = awsAccounts({ onCall: () => {}, fence: () => {}, callsPerSecond: 10 });
  const { roles, background } = accounts.of({ accountId: ACCOUNT, region: 'eu-west-1' });
  const { signal } = new AbortController();
  for (const [name, path, team] of [
    ['plain', '/federated/', undefined],
    ['marked', '/federated/', 'a'],
    ['other', '/federated/', 'b'],
    ['elsewhere', '/tools/', 'a'],
  ] as const) {
    const tags = new Map(team === undefined ? [] : [['team', team]]);
    await roles.create(desiredRole({ name: RoleName.parse(name), path: RolePath.parse(path), tags }), signal);
  }
  aws.calls.clear();
  const look = (...names: readonly string[]) =>
    background.inventory.roles(
      {
        pathPrefix: RolePath.parse('/federated/'),
        names: new Set(names.map((name) => RoleName.parse(name))),
        isMarked: (tags) => tags.get('team') === 'a',
      },
      signal,
    );
  const operations = () => aws.calls.filter(({ service }) => service === 'iam').map(({ operation }) => operation);
  return { look, operations };
}

test('an inventory takes all of the roles that are named, and of marked ones under the path only the tags', async () => {
  const { look, operations } = await scene();
  const { roles, marked } = await look('plain', 'elsewhere', 'missing');
  expect([...roles.values()].map(({ name, description }) => [name, description])).toEqual([['plain', '']]);
  expect(marked).toEqual(new Map([['marked', new Map([['team', 'a']])]]));
  expect(operations()).toEqual(['ListRoles', 'GetAccountAuthorizationDetails']);
});

test('without a name to look for it is one call less, and finds what is marked', async () => {
  const { look, operations } = await scene();
  const { roles, marked } = await look();
  expect([roles.size, [...marked.keys()]]).toEqual([0, ['marked']]);
  expect(operations()).toEqual(['GetAccountAuthorizationDetails']);
});
