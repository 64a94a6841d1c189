import { type ReconcileError, retryable, waiting } from '../../errors.ts';
import type { IssuerUrl } from '../../iam/arn.ts';
import type { Progress } from '../../kube/progress.ts';
import type { IssuerCheck, Pin } from '../../oidc/issuer-check.ts';
import type { TokenKey } from '../../oidc/judge.ts';
import { cutTo } from '../../printable.ts';
import type { Findings, Step } from './status.ts';

/** What somebody has to mend outside of the cluster is looked at again so often. */
const MENDED_MS = 60_000;
const MAX_KEY_IDS = 20;
const MAX_KEY_ID = 256;

/** What the look at the documents leaves for the steps after it. */
export interface CheckedIssuer {
  /** The chains that AWS trusts only by a thumbprint. */
  readonly pins: readonly Pin[];
  /** Set where the operator could not see the documents, so that only AWS can tell. */
  readonly unseen: ReconcileError | undefined;
}

interface CheckContext {
  readonly signal: AbortSignal;
  readonly progress: Progress<Step>;
  readonly learn: (findings: Findings) => void;
  readonly check: IssuerCheck;
}

/**
 * Looks at discovery document and JWKS as AWS does. Fails with what AWS would fail with too. What cannot be seen from here
 * leaves the condition open: AWS may see it.
 */
export async function checkIssuer(
  { issuer, key }: { readonly issuer: IssuerUrl; readonly key: TokenKey },
  { signal, progress, learn, check }: CheckContext,
): Promise<CheckedIssuer> {
  const verdict = await check.verdict(issuer, key, signal);
  switch (verdict.kind) {
    case 'usable': {
      learn({ jwksKeyIds: verdict.keyIds.slice(0, MAX_KEY_IDS).map((kid) => cutTo(kid, MAX_KEY_ID)) });
      const served = "Discovery document and JWKS are served without a login, with the key of this cluster's tokens.";
      return progress.run(
        'IssuerReachable',
        () => ({ pins: verdict.pins, unseen: undefined }),
        () => [served, ...verdict.notes].join(' '),
      );
    }
    case 'unusable':
      return progress.run(
        'IssuerReachable',
        () => {
          throw waiting(verdict.reason, verdict.message, MENDED_MS);
        },
        String,
      );
    case 'unseen':
      progress.leaveOpen('IssuerReachable', verdict.reason, verdict.message);
      return { pins: [], unseen: retryable(verdict.reason, verdict.message) };
    default:
      return verdict satisfies never;
  }
}
