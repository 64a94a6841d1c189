const REDACTED = '[redacted]';

/** Header and claims of a JWT are JSON objects, whose Base64 begins with `eyJ`; the length bounds the work. */
const JWT = /eyJ[\w-]{8,1024}\.eyJ[\w-]{8,4096}(?:\.[\w-]{0,2048})?/g;
/** Ids of access keys (IAM User Guide, "Unique identifiers"). */
const ACCESS_KEY = /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g;
/** Names of what is secret, as AWS, HTTP, the environment and files of credentials write them. */
const NAME = String.raw`(?<![A-Za-z])(?:Secret_?Access_?Key|Session_?Token|WebIdentityToken|X-Amz-Security-Token|Authorization|Signature)`;
const QUOTE = String.raw`\\{0,7}["']`;
const SCHEME = String.raw`(?:(?:Bearer|Basic|AWS4-HMAC-SHA256)\s+)?`;
/** A value with its name before it: in XML, JSON (also within a string of JSON), a query, a header or a list of its values. */
const NAMED = new RegExp(
  String.raw`(${NAME}(?:${QUOTE})?\s{0,3}[=:>]\s{0,3}(?:\[\s{0,3})?(?:${QUOTE})?)${SCHEME}[^\s"'<&,\\]+`,
  'gi',
);
/** A name and its value as two items of a list, as Node and undici show headers; not the value of one member and the name of the next. */
const LISTED = new RegExp(
  String.raw`(${NAME}${QUOTE}\s{0,3},\s{0,3}${QUOTE})${SCHEME}[^\s"'<&\\]+(?=${QUOTE}\s{0,3}[,\]])`,
  'gi',
);

/**
 * Text without tokens and credentials. What the operator says itself never holds any; what AWS, a proxy or an issuer answers
 * could. The last resort, for texts of others and for the log.
 */
export const withoutSecrets = (text: string): string =>
  text
    .replaceAll(JWT, REDACTED)
    .replaceAll(ACCESS_KEY, REDACTED)
    .replaceAll(NAMED, `$1${REDACTED}`)
    .replaceAll(LISTED, `$1${REDACTED}`);
