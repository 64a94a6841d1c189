import { ListRolesCommand } from '@aws-sdk/client-iam';
import { ListBucketsCommand } from '@aws-sdk/client-s3';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { expect, test } from 'vitest';
import { clientsOf, errorOf, startWithAdmin } from './test-clients.ts';

test('a wrong secret is SignatureDoesNotMatch, an unknown key InvalidClientTokenId (S3: InvalidAccessKeyId)', async () => {
  await using setup = await startWithAdmin();
  const wrong = clientsOf(setup.aws, { ...setup.admin, secretAccessKey: 'x'.repeat(40) });
  expect(await errorOf(wrong.iam.send(new ListRolesCommand({})))).toMatchObject({
    code: 'SignatureDoesNotMatch',
    status: 403,
  });
  expect(await errorOf(wrong.s3.send(new ListBucketsCommand({})))).toMatchObject({
    code: 'SignatureDoesNotMatch',
    status: 403,
  });
  const unknown = clientsOf(setup.aws, { ...setup.admin, accessKeyId: 'AKIAUNKNOWN' });
  expect(setup.aws.calls.at(-1)).toMatchObject({
    principal: 'anonymous',
    operation: 'ListBuckets',
    errorCode: 'SignatureDoesNotMatch',
  });
  expect(await errorOf(unknown.sts.send(new GetCallerIdentityCommand({})))).toEqual({
    code: 'InvalidClientTokenId',
    status: 403,
    message: 'The security token included in the request is invalid.',
  });
  expect(await errorOf(unknown.s3.send(new ListBucketsCommand({})))).toMatchObject({
    code: 'InvalidAccessKeyId',
    status: 403,
  });
});

const form = (body: string) => ({
  method: 'POST',
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
  body,
});

test.each([
  {
    name: 'an unsigned call',
    body: 'Action=ListRoles&Version=2010-05-08',
    status: 403,
    text: '<Code>MissingAuthenticationToken</Code>',
  },
  {
    name: 'an unknown action',
    body: 'Action=Nope&Version=2010-05-08',
    status: 400,
    text: '<Code>InvalidAction</Code><Message>Could not find operation Nope for version 2010-05-08</Message>',
  },
])('$name is refused', async ({ body, status, text }) => {
  await using setup = await startWithAdmin();
  const response = await fetch(setup.aws.endpoint, form(body));
  expect(response.status).toBe(status);
  expect(await response.text()).toContain(text);
});

test('a body that was changed after signing does not pass', async () => {
  await using setup = await startWithAdmin();
  setup.iam.middlewareStack.add(
    (next) => (args) => {
      const request = args.request as { body: string; headers: Record<string, string> };
      request.body = request.body.replace('MaxItems=10', 'MaxItems=11');
      return next(args);
    },
    { step: 'finalizeRequest', priority: 'low' },
  );
  expect(await errorOf(setup.iam.send(new ListRolesCommand({ MaxItems: 10 })))).toMatchObject({
    status: expect.toBeOneOf([400, 403]),
  });
});
