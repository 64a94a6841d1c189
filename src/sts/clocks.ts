import { tokenParts } from '../oidc/token-parts.ts';

/** How far clocks are ahead of AWS's, in seconds; negative: behind. */
export interface Clocks {
  /** The operator's own. */
  readonly operator: number;
  /** That of the API server, which dates the tokens; undefined for a token without date. */
  readonly apiServer: number | undefined;
}

/** From here on a clock is told to be wrong where AWS refuses a token for its times; below, it cannot be the cause. */
const TOLERATED_SKEW_SECONDS = 60;

interface Moments {
  /** Our clock when the request was sent and when its answer came. */
  readonly sent: Date;
  readonly received: Date;
  /** The `Date` header of the answer (RFC 9110, 6.6.1): whole seconds. */
  readonly header: string | undefined;
  /** `iat` of the token, which was minted moments ago. */
  readonly issuedAt: number | undefined;
}

/** Compares clocks by the date of AWS's answer, exact to about a second. Undefined where the answer has no date. */
export function compareClocks({ sent, received, header, issuedAt }: Moments): Clocks | undefined {
  const aws = header === undefined ? Number.NaN : Date.parse(header) / 1000 + 0.5; // somewhere in that second
  if (Number.isNaN(aws)) return undefined;
  const ours = (sent.getTime() + received.getTime()) / 2000;
  return { operator: round(ours - aws), apiServer: issuedAt === undefined ? undefined : round(issuedAt - aws) };
}

const round = (seconds: number): number => Math.round(seconds * 10) / 10;

/** `iat` of a token in seconds; undefined for what is no token. It is sent to AWS only, and judged there. */
export function issuedAtOf(token: string): number | undefined {
  try {
    const { iat } = tokenParts(token).payload;
    return typeof iat === 'number' ? iat : undefined;
  } catch {
    return undefined; // AWS will say what is wrong with it
  }
}

const isOff = (seconds: number): boolean => Math.abs(seconds) > TOLERATED_SKEW_SECONDS;
const amount = (seconds: number): string =>
  `about ${Math.round(Math.abs(seconds) / 10) * 10} s ${seconds > 0 ? 'ahead of' : 'behind'} AWS's`;

/** A sentence about the clock that makes AWS refuse tokens for their times, and how far it is off, to ten seconds. */
export function describeSkew(clocks: Clocks | undefined): string | undefined {
  const { operator, apiServer } = clocks ?? { operator: 0, apiServer: undefined };
  if (apiServer !== undefined && isOff(apiServer))
    return `The clock of the API server, which dates the tokens, is ${amount(apiServer)}.`;
  return isOff(operator) ? `The clock of the operator's node is ${amount(operator)}.` : undefined;
}
