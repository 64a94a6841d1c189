import { matchesGlob } from './glob.ts';

/** Colons in the ARN of a managed policy: `arn:aws:iam::aws:policy/Name`; its path and name have none. */
const COLONS = 5;

/**
 * Patterns for ArnLike that together match the same ARNs of managed policies as a glob of a guardrail does. There `*` stands
 * for any characters; ArnLike compares the six parts between the colons one by one, so that no `*` reaches over a colon
 * (IAM User Guide, "ARN condition operators"). Empty for a glob that no policy can match.
 */
export function policyArnPatterns(glob: string): readonly string[] {
  const [head = '', ...tails] = glob.split(/\*+/);
  const missing = COLONS - (glob.match(/:/g) ?? []).length;
  if (missing < 0 || (tails.length === 0 && missing > 0)) return [];
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
