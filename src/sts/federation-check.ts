import type { Reason } from '../crds/condition.ts';
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
  readonly mayPropagate: boolean;
}

/** STS names the cause only in the text; the texts were recorded from AWS (STS API errors, AWS re:Post). */
const EXPLANATIONS: readonly Explanation[] = [
  {
    text: /^No OpenIDConnect provider found/,
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
      'AWS cannot fetch the discovery document or the JWKS of the issuer, or the key of the token is not in it: both must be public, by HTTPS on port 443.',
    mayPropagate: false,
  },
  {
    text: /certificate doesn't match configured thumbprint/,
    reason: 'IssuerUnreachable',
    remedy: "The issuer's certificate is not from a public authority: set spec.thumbprints of the AwsOidcProvider.",
    mayPropagate: false,
  },
  {
    text: /^Not authorized to perform sts:AssumeRoleWithWebIdentity/,
    reason: 'TokenExchangeFailed',
    remedy:
      'The trust policy does not match the token, the role is missing, or an organization policy (SCP or RCP) denies it.',
    mayPropagate: true,
  },
];

/** Maps an answer of STS to a verdict. `sinceWriteMs`: age of the operator's last write to this role or its provider. */
export function judge(exchange: Exchange, sinceWriteMs: number): Verdict {
  switch (exchange.kind) {
    case 'accepted':
      return { kind: 'verified' };
    case 'unreachable':
      return { kind: 'failed', reason: 'AwsUnreachable', message: `STS cannot be reached: ${exchange.message}` };
    case 'refused': {
      const explanation = EXPLANATIONS.find(({ text }) => text.test(exchange.message));
      const said = `STS refuses the token: ${exchange.code}: ${withoutNumbers(exchange.message)}.`;
      if (explanation === undefined) return { kind: 'failed', reason: 'TokenExchangeFailed', message: said };
      if (explanation.mayPropagate && sinceWriteMs < PROPAGATION_MS) {
        return {
          kind: 'propagating',
          message: 'The role was just written; AWS has not made it known to STS everywhere yet.',
        };
      }
      return { kind: 'failed', reason: explanation.reason, message: `${said} ${explanation.remedy}` };
    }
    default:
      return exchange satisfies never;
  }
}

/** Times and ages in a message would make each retry a new status. */
const withoutNumbers = (message: string): string => message.replaceAll(/[0-9]{6,}/g, '…').replace(/\.$/, '');
