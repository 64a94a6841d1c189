import {
  AddClientIDToOpenIDConnectProviderCommand,
  CreateOpenIDConnectProviderCommand,
  DeleteOpenIDConnectProviderCommand,
  GetOpenIDConnectProviderCommand,
  type IAMClient,
  ListOpenIDConnectProvidersCommand,
  ListOpenIDConnectProviderTagsCommand,
  RemoveClientIDFromOpenIDConnectProviderCommand,
  TagOpenIDConnectProviderCommand,
  UntagOpenIDConnectProviderCommand,
  UpdateOpenIDConnectProviderThumbprintCommand,
} from '@aws-sdk/client-iam';
import { describe, expect, test } from 'vitest';
import { errorOf, startWithAdmin } from '../test-clients.ts';

const THUMBPRINT = 'b'.repeat(40);
const arnOf = (suffix: string) => `arn:aws:iam::111122223333:oidc-provider/${suffix}`;
const create = (iam: IAMClient, Url: string, rest: Record<string, unknown> = {}) =>
  iam.send(new CreateOpenIDConnectProviderCommand({ Url, ThumbprintList: [THUMBPRINT], ...rest }));
const validation = (message: string) => ({ code: 'ValidationError', status: 400, message });
const invalidUrl = validation('Invalid Open ID Connect Provider URL');
const many = (count: number) => Array.from({ length: count }, (_, index) => `client-${index}`);

describe('refusals of OIDC provider operations', () => {
  const cases: readonly { name: string; call: (iam: IAMClient) => Promise<unknown>; expected: unknown }[] = [
    {
      name: 'the same URL again',
      call: (iam) => create(iam, 'https://x.example/y'),
      expected: {
        code: 'EntityAlreadyExists',
        status: 409,
        message: 'Provider with url https://x.example/y already exists.',
      },
    },
    { name: 'a URL without scheme', call: (iam) => create(iam, 'example.org'), expected: invalidUrl },
    { name: 'a URL with a port', call: (iam) => create(iam, 'https://example.org:443'), expected: invalidUrl },
    { name: 'a URL with a query', call: (iam) => create(iam, 'https://example.org?a=b'), expected: invalidUrl },
    {
      name: '6 thumbprints',
      call: (iam) => create(iam, 'https://z.example', { ThumbprintList: Array(6).fill(THUMBPRINT) }),
      expected: { code: 'InvalidInput', status: 400, message: 'Thumbprint list must contain fewer than 5 entries.' },
    },
    {
      name: '101 client ids',
      call: (iam) => create(iam, 'https://z.example', { ClientIDList: many(101) }),
      expected: {
        code: 'LimitExceeded',
        status: 409,
        message: 'Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100',
      },
    },
    {
      name: 'three faults at once',
      call: (iam) =>
        create(iam, `https://${'x'.repeat(255)}`, { ClientIDList: ['c'.repeat(256)], ThumbprintList: ['b'] }),
      expected: validation(
        "3 validation errors detected: Value at 'clientIDList' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 255, Member must have length greater than or equal to 1]; Value at 'thumbprintList' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 40, Member must have length greater than or equal to 40]; Value at 'url' failed to satisfy constraint: Member must have length less than or equal to 255",
      ),
    },
    {
      name: 'Get of what is not there',
      call: (iam) => iam.send(new GetOpenIDConnectProviderCommand({ OpenIDConnectProviderArn: arnOf('none.example') })),
      expected: {
        code: 'NoSuchEntity',
        status: 404,
        message: `OpenIDConnect Provider not found for arn ${arnOf('none.example')}`,
      },
    },
    {
      name: 'Delete of what is not there, with a text of its own',
      call: (iam) =>
        iam.send(new DeleteOpenIDConnectProviderCommand({ OpenIDConnectProviderArn: arnOf('none.example') })),
      expected: {
        code: 'NoSuchEntity',
        status: 404,
        message: `OpenId connect Provider ${arnOf('none.example')} cannot be found.`,
      },
    },
    {
      name: 'a 101st client id',
      call: (iam) =>
        iam.send(
          new AddClientIDToOpenIDConnectProviderCommand({
            OpenIDConnectProviderArn: arnOf('x.example/y'),
            ClientID: 'more',
          }),
        ),
      expected: expect.objectContaining({ code: 'LimitExceeded' }),
    },
  ];

  test.each(cases)('$name', async ({ call, expected }) => {
    await using setup = await startWithAdmin();
    await create(setup.iam, 'https://x.example/y', { ClientIDList: many(100) });
    expect(await errorOf(call(setup.iam))).toEqual(expected);
  });
});

test('Get answers the URL without scheme, empty lists and no ARN; the list has ARNs only', async () => {
  await using setup = await startWithAdmin();
  const { iam } = setup;
  const created = await create(iam, 'https://X.example/y/', { ClientIDList: [] });
  expect(created.OpenIDConnectProviderArn).toBe(arnOf('X.example/y/'));
  const { $metadata: _, ...provider } = await iam.send(
    new GetOpenIDConnectProviderCommand({ OpenIDConnectProviderArn: arnOf('X.example/y/') }),
  );
  expect(provider).toEqual({
    Url: 'X.example/y/',
    ClientIDList: [],
    ThumbprintList: [THUMBPRINT],
    Tags: [],
    CreateDate: expect.any(Date),
  });
  await create(iam, 'https://X.example/y');
  const { OpenIDConnectProviderList } = await iam.send(new ListOpenIDConnectProvidersCommand({}));
  expect(OpenIDConnectProviderList).toEqual([{ Arn: arnOf('X.example/y') }, { Arn: arnOf('X.example/y/') }]);
});

test('client ids are added and removed idempotently, thumbprints are replaced, tags merged, the provider deleted', async () => {
  await using setup = await startWithAdmin();
  const { iam } = setup;
  const OpenIDConnectProviderArn = arnOf('x.example');
  await create(iam, 'https://x.example', { ClientIDList: ['a'], Tags: [{ Key: 'k', Value: '1' }] });
  for (let round = 0; round < 2; round += 1) {
    await iam.send(new AddClientIDToOpenIDConnectProviderCommand({ OpenIDConnectProviderArn, ClientID: 'b' }));
    await iam.send(new RemoveClientIDFromOpenIDConnectProviderCommand({ OpenIDConnectProviderArn, ClientID: 'a' }));
  }
  const ThumbprintList = ['c'.repeat(40), 'd'.repeat(40)];
  await iam.send(new UpdateOpenIDConnectProviderThumbprintCommand({ OpenIDConnectProviderArn, ThumbprintList }));
  await iam.send(
    new TagOpenIDConnectProviderCommand({
      OpenIDConnectProviderArn,
      Tags: [
        { Key: 'k', Value: '2' },
        { Key: 'j', Value: '' },
      ],
    }),
  );
  await iam.send(new UntagOpenIDConnectProviderCommand({ OpenIDConnectProviderArn, TagKeys: ['j'] }));
  const provider = await iam.send(new GetOpenIDConnectProviderCommand({ OpenIDConnectProviderArn }));
  expect(provider).toMatchObject({ ClientIDList: ['b'], ThumbprintList, Tags: [{ Key: 'k', Value: '2' }] });
  const tags = await iam.send(new ListOpenIDConnectProviderTagsCommand({ OpenIDConnectProviderArn }));
  expect(tags.Tags).toEqual([{ Key: 'k', Value: '2' }]);
  await iam.send(new DeleteOpenIDConnectProviderCommand({ OpenIDConnectProviderArn }));
  expect((await iam.send(new ListOpenIDConnectProvidersCommand({}))).OpenIDConnectProviderList).toEqual([]);
});
