import type { Reason } from '../crds/condition.ts';
import { describeSkew } from './clocks.ts';
import type { Exchange } from './token-exchange.ts';

/** What an answer of STS means for the user. */
export type Verdict =
  | { readonly kind: 'verified' }
  /** IAM has not told STS of the last write yet; not a failure. */
  | { readonly kind: 'propagating'; readonly message: string }
  | { readonly kind: 'failed'; readonly reason: Reason; readonly message: string };

/** IAM's changes reach STS within seconds, rarely within a minute; until then refusals prove nothing. */
export const PROPAGATION_MS = 60_000;

interface Explanation {
  readonly text: RegExp;
  readonly reason: Reason;
  readonly remedy: string;
  /** A write that STS has not seen yet gives the same answer. */
  readonly mayPropagate?: boolean;
  /** The times of the token were compared with AWS's clock. */
  readonly isAboutTime?: boolean;
}

/** STS names the cause only in the text; the texts were recorded from AWS (STS API errors, AWS re:Post, issues of SDKs). */
const EXPLANATIONS: readonly Explanation[] = [
  {
    text: /^No OpenIDConnect provider found/i,
    reason: 'ProviderMissing',
    remedy:
      "The OIDC provider is missing in the role's account, or its URL differs from the token's `iss`: look at the AwsOidcProvider.",
    mayPropagate: true,
  },
  {
    text: /^Incorrect token audience/,
    reason: 'AudienceNotRegistered',
    remedy: "The OIDC provider in IAM does not list the audience: add it to the AwsOidcProvider's spec.clientIds.",
    mayPropagate: true,
  },
  {
    text: /^Couldn't retrieve verification key/,
    reason: 'IssuerUnreachable',
    remedy:
      'AWS cannot fetch the discovery document or the JWKS of the issuer within some 5 s, or the key of the token is not in it: both must be public, by HTTPS on port 443.',
  },
  {
    text: /certificate doesn't match configured thumbprint/,
    reason: 'ThumbprintMismatch',
    remedy:
      "The issuer's certificate is not from a public authority, or its chain is not served whole: set spec.thumbprints of the AwsOidcProvider to the last certificate that it serves, or leave them out.",
    mayPropagate: true,
  },
  {
    text: /^Not authorized to perform sts:AssumeRoleWithWebIdentity/,
    reason: 'TokenExchangeFailed',
    remedy:
      'The trust policy does not match the token, the role is missing, or an organization policy (SCP or RCP) denies it.',
    mayPropagate: true,
  },
  {
    text: /^Token (expired|too old)/,
    reason: 'ClockSkew',
    remedy: 'The token was minted a moment ago, so a clock is wrong: set it (NTP).',
    isAboutTime: true,
  },
  {
    text: /^Missing a required claim/,
    reason: 'TokenExchangeFailed',
    remedy: 'Tokens of kube-apiserver have all claims: is there something between the operator and the API server?',
  },
  {
    text: /could not be validated|not a valid JWT|signature/i,
    reason: 'TokenExchangeFailed',
    remedy:
      "The signature does not fit the key of this kid in the issuer's JWKS, or the algorithm is none of RS256 to RS512 and ES256 to ES512: publish the JWKS of this API server again.",
    isAboutTime: true,
  },
  {
    text: /Request ARN is invalid|is invalid$/,
    reason: 'TokenExchangeFailed',
    remedy:
      "The ARN of the role is not one of this partition: look at the role's ARN and at spec.region of the provider.",
  },
  {
    text: /DurationSeconds/,
    reason: 'TokenExchangeFailed',
    remedy: 'Raise maxSessionDurationSeconds of the role to 3600 at least.',
  },
];

/** Where the code says more than the text. */
const BY_CODE: Readonly<Record<string, Omit<Explanation, 'text'>>> = {
  IDPCommunicationError: {
    reason: 'IssuerUnreachable',
    remedy: 'AWS could not reach the issuer. It must be public, by HTTPS on port 443, and answer within some 5 s.',
  },
  IDPRejectedClaim: {
    reason: 'TokenExchangeFailed',
    remedy: 'The issuer rejects the token: has it been revoked?',
  },
  RegionDisabledException: {
    reason: 'AwsRequestFailed',
    remedy: 'Activate the region of spec.region in the account, or its STS endpoint (IAM, Account settings).',
  },
};

/**
 * Maps an answer of STS to a verdict. `sinceWriteMs`: age of the operator's last write to this role or its provider.
 * A clock that is off counts as the cause only where AWS refuses the token for what depends on time.
 */
export function judge(exchange: Exchange, sinceWriteMs: number): Verdict {
  switch (exchange.kind) {
    case 'accepted':
      return { kind: 'verified' };
    case 'unreachable':
      return { kind: 'failed', reason: 'AwsUnreachable', message: `STS cannot be reached: ${exchange.message}` };
    case 'refused': {
      const { code, message, clocks } = exchange;
      const explanation = EXPLANATIONS.find(({ text }) => text.test(message)) ?? BY_CODE[code];
      const said = `STS refuses the token: ${code}: ${withoutNumbers(message)}.`;
      if (explanation === undefined) return { kind: 'failed', reason: 'TokenExchangeFailed', message: said };
      const skew = explanation.isAboutTime === true ? describeSkew(clocks) : undefined;
      if (skew !== undefined)
        return { kind: 'failed', reason: 'ClockSkew', message: `${said} ${skew} Set the clock (NTP).` };
      if (explanation.mayPropagate === true && sinceWriteMs < PROPAGATION_MS) {
        return {
          kind: 'propagating',
          message: 'The role or its OIDC provider was just written; AWS has not made it known to STS everywhere yet.',
        };
      }
      return { kind: 'failed', reason: explanation.reason, message: `${said} ${explanation.remedy}` };
    }
    default:
      return exchange satisfies never;
  }
}

/** Times and ages in a message would make each retry a new status. */
const withoutNumbers = (message: string): string =>
  message.replaceAll(/[0-9]{6,}|(?<=too old: )[0-9]+/g, '…').replace(/\.$/, '');
