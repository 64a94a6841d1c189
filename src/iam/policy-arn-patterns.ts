import { matchesGlob } from './glob.ts';

/** Colons in the ARN of a managed policy: `arn:aws:iam::aws:policy/Name`; its path and name have none. */
const COLONS = 5;
/** A `*` that may stand for colons is written out once for each way to do so: with so many, in at most 792 patterns. */
const MAX_STARS = 8;

/**
 * Patterns for ArnLike that together match the same ARNs of managed policies as a glob of a guardrail does. There `*` stands
 * for any characters; ArnLike compares the six parts between the colons one by one, so that no `*` reaches over a colon
 * (IAM User Guide, "ARN condition operators"). Empty for a glob that no policy can match. Throws an Error that says what to
 * change for one whose patterns would be too many.
 */
export function policyArnPatterns(glob: string): readonly string[] {
  const [head = '', ...tails] = glob.split(/\*+/);
  const missing = COLONS - (glob.match(/:/g) ?? []).length;
  if (missing < 0 || (tails.length === 0 && missing > 0)) return [];
  if (missing > 0 && tails.length > MAX_STARS) {
    throw new Error(
      `"${glob.slice(0, 100)}" in guardrails.managedPolicyArns has ${tails.length} stars, which IAM can only be told in too many patterns. Begin it with the whole of arn:aws:iam::aws:policy/, or use at most ${MAX_STARS} stars.`,
    );
  }
  const spread = spreads(missing, tails.length).map((colons) =>
    tails.reduce((text, tail, index) => `${text}*${':*'.repeat(colons[index] ?? 0)}${tail}`, head),
  );
  return [...new Set(spread.flatMap(fixedParts))];
}

/** All ways to put `count` things into `places` places. */
function spreads(count: number, places: number): readonly (readonly number[])[] {
  if (places === 0) return count === 0 ? [[]] : [];
  return Array.from({ length: count + 1 }, (_, first) =>
    spreads(count - first, places - 1).map((rest) => [first, ...rest]),
  ).flat();
}

/** Those parts that are the same in the ARN of every policy are written out; nothing where they do not fit. */
function fixedParts(pattern: string): readonly string[] {
  const [arn = '', partition = '', service = '', region = '', owner = '', resource = ''] = pattern.split(':');
  const fits =
    matchesGlob(arn, 'arn') &&
    matchesGlob(service, 'iam') &&
    matchesGlob(region, '') &&
    !`${partition}${owner}`.includes('/');
  return fits ? [`arn:${partition}:iam::${owner}:${resource}`] : [];
}
