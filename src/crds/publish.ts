import * as z from 'zod';
import { rules } from './manifest.ts';

/** The name of an AWS region. */
export const Region = z
  .string()
  .min(1)
  .max(32)
  .regex(/^[a-z]{2,}(-[a-z]+)+-[0-9]+$/);

const IP_ADDRESS_RULE = {
  rule: String.raw`!self.matches('^[0-9]+\\.[0-9]+\\.[0-9]+\\.[0-9]+$') && !self.contains('..')`,
  message: 'a bucket is not named like an IP address, and has no two dots in a row: choose another name',
};

const PREFIX_SEGMENTS_RULE = {
  rule: "self.split('/').all(segment, segment != '' && segment != '.' && segment != '..')",
  message:
    "a prefix has no slash at its ends, no two in a row, and no '.' or '..' between them: choose another prefix, for example oidc/cluster-a",
};

const S3Target = z
  .object({
    bucket: z
      .string()
      .min(3)
      .max(63)
      .regex(/^[a-z0-9][a-z0-9.-]+[a-z0-9]$/)
      .describe(
        'Name of a bucket that exists. The operator sets no policy, ACL or public access block: see docs/publishing.md.',
      )
      .meta(rules(IP_ADDRESS_RULE)),
    region: Region.optional().describe('Region of the bucket. Default: that of the provider.'),
    prefix: z
      .string()
      .min(1)
      .max(128)
      .regex(/^[A-Za-z0-9._~/-]+$/)
      .optional()
      .describe(
        'Begins the keys of the two objects, and ends the issuer, for example cluster-a. Absent: the top of the bucket. Each cluster needs its own.',
      )
      .meta(rules(PREFIX_SEGMENTS_RULE)),
  })
  .describe(
    'Place in S3 for PREFIX/.well-known/openid-configuration and PREFIX/openid/v1/jwks. The API server must name its public URL as issuer: https://BUCKET.s3.REGION.amazonaws.com/PREFIX, or that of a CDN before it.',
  );

/** Where this cluster's discovery document and keys are published. */
export const Publish = z
  .object({ s3: S3Target })
  .describe(
    "Publishes this cluster's discovery document and keys, for a cluster whose API server the internet cannot reach. A key stays for 24 hours after the cluster has stopped serving it.",
  );
