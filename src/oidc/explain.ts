import type { Reason } from '../crds/condition.ts';
import type {
  AnswerFinding,
  ContentFinding,
  FetchFinding,
  Finding,
  Place,
  ReachFinding,
  ServingFinding,
  ShapeFinding,
} from './finding.ts';
import { knownIssuer } from './known-issuers.ts';

/** A finding in the words of a condition. */
export interface Explanation {
  /**
   * `failure`: AWS sees the same, so no token can be exchanged. `unseen`: it was not to be seen from here; AWS, which is
   * elsewhere, may see it. `note`: it works.
   */
  readonly weight: 'failure' | 'unseen' | 'note';
  readonly reason: Reason;
  readonly message: string;
}

/** What is wrong, and what to do about it on this platform. Texts of others are quoted and cut. */
export function explain(finding: Finding, issuer: string): Explanation {
  if ('at' in finding) return explainFetch(finding, issuer);
  switch (finding.kind) {
    case 'not-https':
    case 'has-port':
    case 'cluster-local':
    case 'not-accepted-by-iam':
      return explainShape(finding, issuer);
    default:
      return explainContent(finding, issuer);
  }
}

function explainFetch(finding: FetchFinding, issuer: string): Explanation {
  switch (finding.kind) {
    case 'not-public':
    case 'no-such-name':
    case 'no-connection':
    case 'timeout':
    case 'unavailable':
      return explainReach(finding, issuer);
    case 'certificate-invalid':
    case 'certificate-untrusted':
    case 'slow':
    case 'not-cacheable':
      return explainServing(finding);
    default:
      return explainAnswer(finding, issuer);
  }
}

const failure = (reason: Reason, message: string): Explanation => ({ weight: 'failure', reason, message });
const note = (message: string): Explanation => ({ weight: 'note', reason: 'Succeeded', message });

function explainShape({ kind }: ShapeFinding, issuer: string): Explanation {
  const { unusable } = knownIssuer(issuer).remedies;
  switch (kind) {
    case 'not-https':
      return failure(
        'IssuerNotPublic',
        `The cluster's issuer is ${quoted(issuer)}: AWS needs an https URL. ${unusable}`,
      );
    case 'has-port':
      return failure(
        'IssuerHasPort',
        `The cluster's issuer ${issuer} names a port, which IAM refuses; it must be served on port 443. ${unusable}`,
      );
    case 'cluster-local':
      return failure(
        'IssuerNotPublic',
        `The cluster's issuer ${issuer} is known only inside the cluster, so AWS cannot fetch its keys. ${unusable}`,
      );
    case 'not-accepted-by-iam':
      return failure(
        'IssuerNotPublic',
        `The cluster's issuer ${issuer} has a query or a user, or is longer than the 255 characters that IAM takes. ${unusable}`,
      );
    default:
      return kind satisfies never;
  }
}

const SKIP = 'If AWS reaches it and the operator does not, set spec.issuer.check to Skip.';

const nameOf = ({ document, url }: Place): string => `The ${document} ${url}`;

function explainReach(finding: ReachFinding, issuer: string): Explanation {
  const { at } = finding;
  const unseen = (what: string): Explanation => ({
    weight: 'unseen',
    reason: 'IssuerNotChecked',
    message: `${nameOf(at)} could not be seen from the operator: ${what}. It must be public, by HTTPS on port 443. ${SKIP}`,
  });
  switch (finding.kind) {
    case 'not-public':
      return {
        weight: 'unseen',
        reason: at.document === 'JWKS' ? 'JwksUriNotPublic' : 'IssuerNotPublic',
        message: `${nameOf(at)} was not asked for: here, ${at.host} is ${finding.address}, a ${finding.network} address, which AWS cannot reach. ${knownIssuer(issuer).remedies['not-served']} ${SKIP}`,
      };
    case 'no-such-name':
      return unseen(`DNS gives no address for ${at.host} (${finding.code})`);
    case 'no-connection':
      return unseen(`${at.host} does not talk to it (${finding.phase}: ${finding.code})`);
    case 'timeout':
      return unseen(`no full answer within 5 s (${finding.phase}), which is all the time that AWS gives`);
    case 'unavailable':
      return unseen(`it answers with HTTP ${finding.status}`);
    default:
      return finding satisfies never;
  }
}

function explainServing(finding: ServingFinding): Explanation {
  const { at } = finding;
  switch (finding.kind) {
    case 'certificate-invalid':
      return failure(
        'CertificateInvalid',
        `${nameOf(at)} is served with a certificate that is ${finding.why}. Have the server of ${at.host} show a valid one, with its whole chain.`,
      );
    case 'certificate-untrusted':
      return note(
        `The certificate of ${at.host} is not from a public authority, or its chain is not served whole: AWS compares the top of the chain, ${finding.topThumbprint}, with the thumbprints of the OIDC provider.`,
      );
    case 'slow':
      return note(`The ${at.document} comes slowly, and AWS waits for 5 s.`);
    case 'not-cacheable':
      return note(
        `The ${at.document} is served with Cache-Control ${quoted(finding.cacheControl)}: AWS fetches it again and again.`,
      );
    default:
      return finding satisfies never;
  }
}

function explainAnswer(finding: AnswerFinding, issuer: string): Explanation {
  const { at } = finding;
  const { 'not-served': serve, 'wrong-content': replace } = knownIssuer(issuer).remedies;
  const invalid = (what: string): Explanation =>
    failure(at.document === 'JWKS' ? 'JwksInvalid' : 'DiscoveryInvalid', `${nameOf(at)} ${what}. ${replace}`);
  switch (finding.kind) {
    case 'forbidden':
      return failure(
        'IssuerForbidden',
        `${nameOf(at)} is refused with HTTP ${finding.status}, as it is to AWS. ${serve}`,
      );
    case 'not-found':
      return failure('IssuerNotFound', `${nameOf(at)} is not there (HTTP ${finding.status}). ${serve}`);
    case 'redirect':
      return failure(
        'IssuerRedirects',
        `${nameOf(at)} redirects to ${quoted(finding.location)} (HTTP ${finding.status}), which AWS does not follow. Serve the document itself under this URL.`,
      );
    case 'unexpected-status':
      return failure('IssuerUnreachable', `${nameOf(at)} answers with HTTP ${finding.status}; AWS needs 200. ${serve}`);
    case 'too-large':
      return invalid('is larger than 64 KiB, too large for AWS');
    case 'not-json':
      return invalid('is not JSON');
    case 'malformed':
      return invalid(`lacks what AWS needs (${cut(finding.problem)})`);
    default:
      return finding satisfies never;
  }
}

function explainContent(finding: ContentFinding, issuer: string): Explanation {
  const { 'wrong-content': remedy } = knownIssuer(issuer).remedies;
  switch (finding.kind) {
    case 'issuer-mismatch':
      return failure(
        'IssuerMismatch',
        `The discovery document of ${issuer} says that the issuer is ${quoted(finding.found)}.${slashRemark(finding.found, issuer)} It must be ${quoted(issuer)}, as in the tokens. ${remedy}`,
      );
    case 'jwks-uri-unusable':
      return failure(
        'JwksUriNotPublic',
        `jwks_uri of the discovery document is ${quoted(finding.jwksUri)}: it ${finding.problem}. Start kube-apiserver with --service-account-jwks-uri=https://<public host>/openid/v1/jwks, and publish the discovery document again.`,
      );
    case 'no-keys':
      return failure('JwksInvalid', `The JWKS of ${issuer} has no keys. ${remedy}`);
    case 'too-many-keys':
      return failure(
        'JwksInvalid',
        `The JWKS of ${issuer} has ${finding.count} keys of type ${quoted(finding.type)}, and AWS takes 100. Remove keys that have signed no token for a day.`,
      );
    case 'unsupported-algorithm':
      return failure(
        'JwksInvalid',
        `Tokens of this cluster are signed with ${quoted(finding.algorithm)}; AWS takes RS256, RS384, RS512, ES256, ES384 and ES512. Give kube-apiserver an RSA or EC key by --service-account-signing-key-file.`,
      );
    case 'key-missing':
      return failure(
        'JwksKeyMissing',
        `The key of this cluster's tokens, ${quoted(finding.kid)}, is not in the JWKS of ${issuer}, which has ${listed(finding.found)}. ${remedy}`,
      );
    case 'duplicate-kid':
      return failure(
        'JwksInvalid',
        `The JWKS of ${issuer} has several keys with the kid of this cluster's tokens, ${quoted(finding.kid)}: AWS may take the wrong one. ${remedy}`,
      );
    case 'foreign-algorithms':
      return note(`AWS does not know the algorithms ${listed(finding.algorithms)} of some keys.`);
    default:
      return finding satisfies never;
  }
}

const slashRemark = (found: string, issuer: string): string =>
  found.replace(/\/$/, '') === issuer.replace(/\/$/, '')
    ? ' They differ only in the trailing slash, which counts.'
    : '';

const MAX_QUOTED = 200;
const MAX_LISTED = 5;

const cut = (text: string): string => (text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text);
const quoted = (text: string): string => JSON.stringify(cut(text));
const listed = (texts: readonly string[]): string =>
  texts.slice(0, MAX_LISTED).map(quoted).join(', ') + (texts.length > MAX_LISTED ? ', …' : '');
