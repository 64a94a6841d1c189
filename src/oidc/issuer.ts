import { isIP } from 'node:net';
import { IssuerUrl } from '../iam/arn.ts';
import { terminal } from '../errors.ts';

/** The `iss` of a token that the API server has just minted; the token came by TLS from it, so its signature is not checked. */
export function issuerOfToken(token: string): string {
  const [, payload = ''] = token.split('.');
  const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
  if (typeof claims === 'object' && claims !== null && 'iss' in claims && typeof claims.iss === 'string')
    return claims.iss;
  throw terminal('IssuerMismatch', 'The token of the API server has no `iss` claim; is this a Kubernetes API server?');
}

const REMEDY =
  'Start kube-apiserver with --service-account-issuer=https://<public host> first (keep the present value as a second one, so that running tokens stay valid) ' +
  'and --service-account-jwks-uri=https://<public host>/openid/v1/jwks, and serve both documents there.';

/**
 * Checks that AWS can use an issuer, by its shape alone: https, no port, a public host.
 * Throws a terminal ReconcileError that names the remedy. IAM keeps the URL byte for byte, a trailing slash too.
 */
export function parseIssuer(text: string): IssuerUrl {
  const url = URL.parse(text);
  if (url === null || url.protocol !== 'https:') {
    throw terminal(
      'IssuerNotPublic',
      `The cluster's issuer is ${JSON.stringify(text)}: AWS needs an https URL. ${REMEDY}`,
    );
  }
  if (/^https:\/\/[^/]*:[0-9]+(\/|$)/.test(text)) {
    throw terminal(
      'IssuerHasPort',
      `The cluster's issuer ${text} names a port, which IAM refuses; it must be served on port 443. ${REMEDY}`,
    );
  }
  if (isClusterLocal(url.hostname)) {
    throw terminal(
      'IssuerNotPublic',
      `The cluster's issuer ${text} is known only inside the cluster, so AWS cannot fetch its keys. ${REMEDY}`,
    );
  }
  const issuer = IssuerUrl.safeParse(text);
  if (issuer.success && url.search === '' && url.hash === '') return issuer.data;
  throw terminal(
    'IssuerNotPublic',
    `The cluster's issuer ${text} has a query, or is longer than the 255 characters that IAM takes. ${REMEDY}`,
  );
}

/** kubeadm, kind and k3s default to kubernetes.default.svc.cluster.local. */
function isClusterLocal(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '');
  return isIP(bare) !== 0 || !bare.includes('.') || /(^|\.)(svc|local|internal|localhost)$|\.svc\./.test(bare);
}
