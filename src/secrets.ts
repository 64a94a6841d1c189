const REDACTED = '[redacted]';

/** Header and claims of a JWT are JSON objects, whose Base64 begins with `eyJ`; the length bounds the work. */
const JWT = /eyJ[\w-]{8,1024}\.eyJ[\w-]{8,4096}(?:\.[\w-]{0,2048})?/g;
/** Ids of access keys (IAM User Guide, "Unique identifiers"). */
const ACCESS_KEY = /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g;
/** A value with its name before it: in XML, JSON (also within a string of JSON), a query or a header. */
const NAMED =
  /\b(SecretAccessKey|SessionToken|WebIdentityToken|X-Amz-Security-Token|Authorization|Signature)((?:\\{0,7}["'])?\s{0,3}[=:>]\s{0,3}(?:\\{0,7}["'])?)(?:(?:Bearer|Basic|AWS4-HMAC-SHA256)\s+)?[^\s"'<&,\\]+/gi;

/**
 * Text without tokens and credentials. What the operator says itself never holds any; what AWS, a proxy or an issuer answers
 * could. The last resort, for texts of others and for the log.
 */
export const withoutSecrets = (text: string): string =>
  text.replaceAll(JWT, REDACTED).replaceAll(ACCESS_KEY, REDACTED).replaceAll(NAMED, `$1$2${REDACTED}`);
