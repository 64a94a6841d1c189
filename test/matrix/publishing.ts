import type { LocalAccount } from '../../dev/aws/local-account.ts';
import { encodeMarks, type Jwk } from '../../src/oidc/published-keys.ts';
import { bucketOf } from './bucket.ts';
import type { Lane } from './lane.ts';
import type { Scene } from './play.ts';

/** Two places in the bucket, one after the other. */
const [FIRST, SECOND] = ['first', 'second'];
const JWKS = `${FIRST}/openid/v1/jwks`;
const DISCOVERY = `${FIRST}/.well-known/openid-configuration`;
const MISSING = 'x-amz-meta-federatedidentity-missing';
const MINUTE_MS = 60_000;
const DAY_MINUTES = 26 * 60;

/** A key that the cluster signed tokens with before this story. */
const FORMER: Jwk = { kid: 'former', kty: 'RSA', alg: 'RS256', use: 'sig', n: 'x'.repeat(342), e: 'AQAB' };

/** Objects of other people, which lie beside the documents. */
export function furnishBucket(account: LocalAccount): void {
  account.createBucket(bucketOf(account));
  for (const key of ['index.html', `${FIRST}/openid/v1/notes`, 'theirs/openid/v1/jwks'])
    account.putObject(bucketOf(account), key, '{"keys":[]}');
}

/** Documents are published, kept up with the keys, moved, withdrawn, and at last left behind. */
export function publishingScenes(account: LocalAccount, providerSpec: (fields: object) => object): readonly Scene[] {
  const publish = (prefix: string | undefined, deletionPolicy: string): object =>
    providerSpec({ deletionPolicy, issuer: { publish: { s3: { bucket: bucketOf(account), prefix } } } });
  return [
    { title: 'publish', provider: publish(FIRST, 'Delete') },
    { title: 'a key goes out of use', hand: addFormerKey, asks: true, retired: [FORMER] },
    { title: 'and a day goes by', hand: ageFormerKey, asks: true },
    { title: 'another place', provider: publish(SECOND, 'Delete') },
    { title: 'withdraw', provider: 'delete' },
    { title: 'publish what is there', provider: publish(FIRST, 'Retain') },
    { title: 'leave it behind', provider: 'delete' },
    { title: 'a person tidies up', hand: tidyUp },
  ];
}

/** As this operator would have published it before the key was taken from the flags of the API server. */
function addFormerKey({ account }: Lane): void {
  const { body, headers } = published(account);
  const { keys } = JSON.parse(body) as { readonly keys: readonly object[] };
  account.putObject(bucketOf(account), JWKS, JSON.stringify({ keys: [FORMER, ...keys] }), headers);
}

function ageFormerKey({ account }: Lane): void {
  const { body, headers } = published(account);
  const minutes = Math.floor(Date.now() / MINUTE_MS) - DAY_MINUTES; // marks are whole minutes
  const missingSince = new Map([[FORMER.kid, new Date(minutes * MINUTE_MS)]]);
  account.putObject(bucketOf(account), JWKS, body, {
    ...headers,
    [MISSING]: encodeMarks({ keys: [FORMER], missingSince }),
  });
}

function published(account: LocalAccount): {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
} {
  const { body, headers = {} } = account.getObject(bucketOf(account), JWKS) ?? {};
  return { body: body?.toString() ?? '{"keys":[]}', headers };
}

/** What was to stay is in the way of the next story. */
async function tidyUp({ account, had }: Lane): Promise<void> {
  for (const key of [JWKS, DISCOVERY]) account.deleteObject(bucketOf(account), key);
  for (const { arn, tags } of account.providers()) {
    await account.perform('DeleteOpenIDConnectProvider', { OpenIDConnectProviderArn: arn }); // oxlint-disable-line no-await-in-loop -- there is one
    for (const { Value } of tags) had.retained.delete(Value);
  }
}
