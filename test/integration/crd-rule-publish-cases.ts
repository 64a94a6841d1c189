import { row, type Row, type Spec } from './crd-rule-row.ts';

const BUCKET_NAME = 'a bucket is not named like an IP address, and has no two dots in a row: choose another name';
const PREFIX =
  "a prefix has no slash at its ends, no two in a row, and no '.' or '..' between them: choose another prefix, for example oidc/cluster-a";
const MISSING = 'Required value';
const PATTERN = 'should match';

const publish = (fields: Spec): Spec => ({ issuer: { publish: { s3: { bucket: 'my-oidc', ...fields } } } });

export const publishRows: readonly Row[] = [
  row('publish has a place', { issuer: { publish: {} } }, MISSING, publish({})),
  row('a bucket has a name of S3', publish({ bucket: 'My-Bucket' }), PATTERN, publish({ bucket: 'my.bucket-1' })),
  row('a bucket has 3 characters', publish({ bucket: 'ab' }), 'at least 3 chars', publish({ bucket: 'abc' })),
  row(
    'a bucket has 63 characters',
    publish({ bucket: 'a'.repeat(64) }),
    'may not be more than 63',
    publish({ bucket: 'a'.repeat(63) }),
  ),
  row('a bucket is no IP address', publish({ bucket: '192.168.0.1' }), BUCKET_NAME, publish({ bucket: '192.168.0' })),
  row('a bucket has no two dots in a row', publish({ bucket: 'a..b' }), BUCKET_NAME, publish({ bucket: 'a.-b' })),
  row('the region of a bucket is one', publish({ region: 'Ireland' }), PATTERN, publish({ region: 'eu-central-1' })),
  row('a prefix can stand in a URL', publish({ prefix: 'a b' }), PATTERN, publish({ prefix: 'a~b' })),
  row('a prefix has no slash at its end', publish({ prefix: 'a/' }), PREFIX, publish({ prefix: 'a/b' })),
  row('a prefix has no slash at its begin', publish({ prefix: '/a' }), PREFIX, publish({ prefix: 'a' })),
  row('a prefix leads nowhere else', publish({ prefix: 'a/../b' }), PREFIX, publish({ prefix: 'a/..b' })),
  row(
    'a prefix has 128 characters',
    publish({ prefix: 'a'.repeat(129) }),
    'may not be more than 128',
    publish({ prefix: 'a'.repeat(128) }),
  ),
];
