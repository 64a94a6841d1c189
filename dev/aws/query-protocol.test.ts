import { expect, test } from 'vitest';
import { Parameters, queryErrorResponse, queryResponse } from './query-protocol.ts';
import { AwsError } from './errors.ts';

test('a form is read as SDKs write it: + and %20, lists by index, X= for an empty list, absence for none', () => {
  const parameters = Parameters.fromForm(
    'Action=CreateRole&A=a+b%20c%2B&L.member.2=y&L.member.1=x&L.member.10=z&Empty=&Tags.member.1.Key=k&Tags.member.1.Value=',
  );
  expect(parameters.text('A')).toBe('a b c+');
  expect(parameters.list('L')).toEqual(['x', 'y', 'z']);
  expect(parameters.list('Empty')).toEqual([]);
  expect(parameters.list('Missing')).toBeUndefined();
  expect(parameters.tags('Tags')).toEqual([{ Key: 'k', Value: '' }]);
});

test('what goes into the call log holds no token', () => {
  const parameters = Parameters.fromInput({
    RoleArn: 'arn',
    WebIdentityToken: 'secret',
    Tags: [{ Key: 'a', Value: 'b' }],
  });
  expect(parameters.summary()).toEqual({ RoleArn: 'arn', 'Tags.member.1.Key': 'a', 'Tags.member.1.Value': 'b' });
});

test('answers and errors have the shape of the query protocol', () => {
  const answer = queryResponse('iam', 'GetX', { Name: 'a<&>', Members: ['x'], None: undefined, Empty: [] }, 'id');
  expect(answer.body).toBe(
    '<GetXResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><GetXResult><Name>a&lt;&amp;&gt;</Name><Members><member>x</member></Members><Empty/></GetXResult><ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></GetXResponse>',
  );
  expect(queryResponse('iam', 'TagRole', undefined, 'id').body).not.toContain('TagRoleResult');
  const error = queryErrorResponse('sts', new AwsError('ServiceFailure', 500, 'oops'), 'id');
  expect(error).toMatchObject({ status: 500, headers: { 'x-amzn-requestid': 'id' } });
  expect(error.body).toContain(
    '<Error><Type>Receiver</Type><Code>ServiceFailure</Code><Message>oops</Message></Error>',
  );
});
