import type { LocalAccount } from '../../dev/aws/local-account.ts';
import type { StoredObject } from '../../dev/aws/state.ts';
import type { BucketView, PublicObject } from './documents.ts';

/** The bucket of a lane: names of buckets are known to all accounts. */
export const bucketOf = ({ id }: Pick<LocalAccount, 'id'>): string => `issuers-${id}`;

/** The policy, and the right to write to the whole bucket: that only two objects are written is not for AWS to see to. */
export function withBucketRights(policy: string, account: Pick<LocalAccount, 'id'>): string {
  const { Statement, ...rest } = JSON.parse(policy) as { readonly Statement: readonly object[] };
  const Action = ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'];
  const Resource = `arn:aws:s3:::${bucketOf(account)}/*`;
  return JSON.stringify({ ...rest, Statement: [...Statement, { Effect: 'Allow', Action, Resource }] });
}

/** The bucket of an account as its readers see it now. */
export function viewOf(account: LocalAccount): BucketView {
  return new Map([...account.objects(bucketOf(account))].map(([key, object]) => [key, seen(object)]));
}

const META = 'x-amz-meta-';

function seen({ body, headers }: StoredObject): PublicObject {
  const metadata = Object.entries(headers).flatMap(([name, value]) =>
    name.startsWith(META) ? [[name.slice(META.length), value]] : [],
  );
  return {
    body: body.toString(),
    contentType: headers['content-type'],
    cacheControl: headers['cache-control'],
    metadata: Object.fromEntries(metadata),
  };
}
