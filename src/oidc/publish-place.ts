import type { IssuerUrl } from '../iam/arn.ts';

/** A place in S3 for the documents of one issuer. */
export interface PublishTarget {
  readonly bucket: string;
  readonly region: string;
  /** Without slashes at its ends; empty: the top of the bucket. */
  readonly prefix: string;
}

/** How the issuer's URL and the bucket relate. */
export type Place =
  /** The URL is the bucket's own. */
  | { readonly kind: 'bucket' }
  /** Another host: a CDN or a server in front of the bucket. That it serves these objects shows only when they are fetched. */
  | { readonly kind: 'elsewhere'; readonly host: string }
  /** The URL is one of S3, and these objects will never be found there. */
  | { readonly kind: 'mismatch'; readonly why: string };

export function placeOf(issuer: IssuerUrl, target: PublishTarget): Place {
  const { hostname, pathname } = new URL(issuer);
  if (/(^|\.)s3-website[.-]/.test(hostname)) {
    return { kind: 'mismatch', why: 'website endpoints of S3 do not speak HTTPS' };
  }
  const address = s3AddressOf(hostname, pathname.replace(/^\/|\/$/g, ''));
  if (address === undefined) return { kind: 'elsewhere', host: hostname };
  if (address.style === 'virtual-hosted' && address.bucket.includes('.')) {
    return {
      kind: 'mismatch',
      why: `the certificate of S3 does not cover the bucket name ${address.bucket} with its dots`,
    };
  }
  const differs = (['bucket', 'region', 'prefix'] as const).find((field) => address[field] !== target[field]);
  if (differs === undefined) return { kind: 'bucket' };
  const [inUrl, inSpec] = [address[differs], target[differs]].map((value) => JSON.stringify(value));
  return { kind: 'mismatch', why: `its ${differs} is ${inUrl}, but that of spec.issuer.publish.s3 is ${inSpec}` };
}

interface S3Address extends PublishTarget {
  readonly style: 'virtual-hosted' | 'path';
}

/** `BUCKET.s3.REGION.amazonaws.com`, `s3.REGION.amazonaws.com/BUCKET`, with a dash, dual-stack or without region (us-east-1). */
const S3_HOST = /^(?:(.+)\.)?s3(?:[.-](?:dualstack\.)?([a-z]{2,}(?:-[a-z]+)+-[0-9]+))?\.amazonaws\.(?:com|com\.cn|eu)$/;

function s3AddressOf(host: string, path: string): S3Address | undefined {
  const match = S3_HOST.exec(host);
  if (match === null) return undefined;
  const [, bucket, region = 'us-east-1'] = match;
  if (bucket !== undefined) return { style: 'virtual-hosted', bucket, region, prefix: path };
  const [first = '', ...rest] = path.split('/');
  return { style: 'path', bucket: first, region, prefix: rest.join('/') };
}

/** The issuer to give to the API server so that the bucket itself serves the documents: virtual-hosted, unless its name has dots. */
export function bucketUrl({ bucket, region, prefix }: PublishTarget): string {
  const host = `s3.${region}.${domainOf(region)}`;
  const base = bucket.includes('.') ? `https://${host}/${bucket}` : `https://${bucket}.${host}`;
  return prefix === '' ? base : `${base}/${prefix}`;
}

/** The key of a document in the bucket. */
export const objectKey = ({ prefix }: PublishTarget, path: string): string =>
  prefix === '' ? path.slice(1) : `${prefix}${path}`;

/** `s3://bucket/prefix`, for messages. */
export const targetUri = ({ bucket, prefix }: PublishTarget): string =>
  prefix === '' ? `s3://${bucket}` : `s3://${bucket}/${prefix}`;

/** DNS suffix of a region's endpoints (AWS General Reference, "Service endpoints"). */
function domainOf(region: string): string {
  if (region.startsWith('cn-')) return 'amazonaws.com.cn';
  return region.startsWith('eusc-') ? 'amazonaws.eu' : 'amazonaws.com';
}
