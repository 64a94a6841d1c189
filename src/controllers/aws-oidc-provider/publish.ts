import type { Logger } from 'pino';
import type { AwsOidcProviderSpec } from '../../crds/aws-oidc-provider.ts';
import { ReconcileError, retryable, terminal, waiting } from '../../errors.ts';
import type { AwsAccount, Caller } from '../../iam/account.ts';
import type { IssuerUrl } from '../../iam/arn.ts';
import type { KubernetesClient } from '../../kube/client.ts';
import { toKubernetesError } from '../../kube/errors.ts';
import { DISCOVERY_PATH, JWKS_PATH } from '../../oidc/published-documents.ts';
import { type Jwk, JwkSet, retiredCount } from '../../oidc/published-keys.ts';
import { bucketUrl, objectKey, placeOf, type PublishTarget, targetUri } from '../../oidc/publish-place.ts';
import {
  type Documents,
  isPublishedBy,
  type PublishPlan,
  planPublishing,
  type PublishWrite,
} from '../../oidc/publish-plan.ts';
import type { BucketObjects } from '../../s3/bucket-objects.ts';
import { accessDenied } from '../../s3/errors.ts';
import type { Dependencies } from './dependencies.ts';

/** Where the spec wants the documents; undefined: nowhere, somebody else serves them. */
export function publishTarget({ issuer, region }: AwsOidcProviderSpec): PublishTarget | undefined {
  const s3 = issuer?.publish?.s3;
  return s3 && { bucket: s3.bucket, region: s3.region ?? region, prefix: s3.prefix ?? '' };
}

const ISSUER_SHAPE: ReadonlySet<string> = new Set(['IssuerNotPublic', 'IssuerHasPort']);

/** The flags change outside of what the operator watches. */
const FLAGS_RETRY_MS = 60_000;

/** An issuer that AWS cannot use, where a bucket waits: the general advice becomes the exact flag. */
export function withPublishRemedy(error: unknown, spec: AwsOidcProviderSpec, issuerOfTokens: string): unknown {
  const target = publishTarget(spec);
  if (target === undefined || !(error instanceof ReconcileError) || !ISSUER_SHAPE.has(error.reason)) return error;
  return waiting(
    error.reason,
    `The tokens of this cluster are issued by ${issuerOfTokens}, which AWS cannot fetch. Start every kube-apiserver with --service-account-issuer=${bucketUrl(target)} first ` +
      `and --service-account-issuer=${issuerOfTokens} second, so that running tokens stay valid; then the documents are published in ${targetUri(target)}.`,
    FLAGS_RETRY_MS,
    { cause: error },
  );
}

export interface Publishable {
  readonly spec: AwsOidcProviderSpec;
  readonly target: PublishTarget;
  readonly issuer: IssuerUrl;
  readonly caller: Caller;
  readonly account: AwsAccount;
  /** Called before the first write: from there on the object must not go without its clean-up. */
  readonly beforeWrite: () => Promise<void>;
}

interface Context {
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** observe → plan → apply for discovery document and JWKS in S3. Resolves with a sentence for the condition. */
export async function publishIssuer(
  { kubernetes, cluster, now }: Pick<Dependencies, 'kubernetes' | 'cluster' | 'now'>,
  publishable: Publishable,
  context: Context,
): Promise<string> {
  const { spec, target, issuer, caller, account } = publishable;
  const { signal } = context;
  const place = placeOf(issuer, target);
  if (place.kind === 'mismatch') throw notThisBucket(issuer, place.why, target);
  const served = await servedKeys(kubernetes, signal);
  const bucket = account.bucket({ ...target, partition: caller.partition });
  const plan = planPublishing({ issuer, target, served, cluster, now: now() }, await observe(bucket, target, signal));
  if (plan.kind === 'refuse') throw refusal(plan);
  if (plan.writes.length > 0 && spec.managementPolicy === 'Observe') throw drift(plan.writes, target);
  if (plan.writes.length > 0) await publishable.beforeWrite();
  for (const write of plan.writes) await put(bucket, write, publishable, context);
  return described(plan, retiredCount(plan.ring, served), publishable);
}

/** The public keys of the cluster, as the API server that answers has them. */
async function servedKeys(kubernetes: KubernetesClient, signal: AbortSignal): Promise<readonly Jwk[]> {
  const answer = await kubernetes.getPath(JWKS_PATH, signal).catch((error: unknown) => {
    throw toKubernetesError(`Signing keys of this cluster (GET ${JWKS_PATH})`, error);
  });
  const parsed = JwkSet.safeParse(answer);
  if (parsed.success && parsed.data.keys.length > 0) return parsed.data.keys;
  throw retryable(
    'KubernetesRequestFailed',
    `The API server serves no usable signing keys at ${JWKS_PATH}; nothing is published. Look at kubectl get --raw ${JWKS_PATH}.`,
  );
}

async function observe(bucket: BucketObjects, target: PublishTarget, signal: AbortSignal): Promise<Documents> {
  const [jwks, discovery] = await Promise.all([
    bucket.get(objectKey(target, JWKS_PATH), signal),
    bucket.get(objectKey(target, DISCOVERY_PATH), signal),
  ]);
  return { jwks, discovery };
}

async function put(
  bucket: BucketObjects,
  { type, key, object, precondition }: PublishWrite,
  { target, caller: { partition } }: Publishable,
  { signal, log }: Context,
): Promise<void> {
  const uri = `s3://${target.bucket}/${key}`;
  if ((await bucket.put(key, object, precondition, signal)) === 'written') {
    log.info({ action: type, object: uri }, 'published');
    return;
  }
  // An object that was not seen and is there all the same: the right to read it is missing.
  const seen = precondition.kind === 'absent' ? await bucket.get(key, signal) : undefined;
  if (seen?.kind === 'hidden') throw accessDenied({ ...target, partition, operation: 'GetObject', key }, '');
  throw retryable('AwsRequestFailed', `${uri} was written by somebody else meanwhile. It is looked at again.`);
}

/** Removes what this cluster published, the document that points to the keys first. What is somebody else's stays. */
export async function unpublish(
  { cluster }: Pick<Dependencies, 'cluster'>,
  { target, caller, account }: Pick<Publishable, 'target' | 'caller' | 'account'>,
  { signal, log }: Context,
): Promise<void> {
  const bucket = account.bucket({ ...target, partition: caller.partition });
  for (const path of [DISCOVERY_PATH, JWKS_PATH]) {
    const key = objectKey(target, path);
    const uri = `s3://${target.bucket}/${key}`;
    const seen = await bucket.get(key, signal);
    if (seen.kind === 'hidden') log.warn({ object: uri }, 'published object cannot be read and stays');
    if (seen.kind !== 'found' || !isPublishedBy(seen, cluster)) continue;
    if ((await bucket.delete(key, seen.etag, signal)) === 'changed') {
      throw retryable('AwsRequestFailed', `${uri} was written meanwhile. It is looked at again.`);
    }
    log.info({ action: 'DeleteObject', object: uri }, 'removed');
  }
}

/** People mend it in the bucket or in the flags of the API server, and touch no object of ours. */
const REFUSAL_RETRY_MS = 5 * 60_000;

const refusal = ({ reason, message }: Extract<PublishPlan, { kind: 'refuse' }>): ReconcileError =>
  waiting(reason, message, REFUSAL_RETRY_MS);

const notThisBucket = (issuer: IssuerUrl, why: string, target: PublishTarget): ReconcileError =>
  waiting(
    'IssuerMismatch',
    `The issuer ${issuer} cannot be served from ${targetUri(target)}: ${why}. Correct spec.issuer.publish.s3, or start the API server with ` +
      `--service-account-issuer=${bucketUrl(target)} first and the present one second.`,
    REFUSAL_RETRY_MS,
  );

const drift = (writes: readonly PublishWrite[], { bucket }: PublishTarget): ReconcileError =>
  terminal(
    'DriftDetected',
    `${writes.map(({ key }) => `s3://${bucket}/${key}`).join(' and ')} ${writes.length === 1 ? 'is' : 'are'} not as this cluster's keys ask for, and managementPolicy is Observe. ` +
      'Set it to Manage to have it published, or publish it yourself: kubectl aws-identity jwks.',
  );

function described(
  { ring, foreign }: Extract<PublishPlan, { kind: 'apply' }>,
  retired: number,
  { target, issuer }: Publishable,
): string {
  const count = ring.keys.length;
  const keys = `${count} ${count === 1 ? 'key' : 'keys'}${retired === 0 ? '' : ` (${retired} of them out of use, kept for running tokens)`}`;
  const made = foreign.length === 0 ? '' : ` ${foreign.join(' and ')} existed before, and is used and not changed.`;
  const place = placeOf(issuer, target);
  const elsewhere =
    place.kind === 'elsewhere' ? ` ${place.host} must serve them under ${issuer}; S3 itself does not.` : '';
  return `The discovery document and ${keys} are in ${targetUri(target)}.${made}${elsewhere}`;
}
