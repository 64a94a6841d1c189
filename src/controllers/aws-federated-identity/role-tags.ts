import { type ReconcileError, terminal } from '../../errors.ts';
import { isReserved } from '../../iam/tags.ts';

interface SpecTags {
  /** `spec.role.tags` of the identity. */
  readonly own: Readonly<Record<string, string>> | undefined;
  /** `spec.roleDefaults.tags` of its provider. */
  readonly defaults: Readonly<Record<string, string>> | undefined;
  /** `AwsOidcProvider "default"`, for the message. */
  readonly provider: string;
}

/** IAM's 50 tags of a role, without the four of the operator. */
const MAX_TAGS = 46;

/**
 * The tags that the specs give a role: the identity's, and those of the defaults that it does not set itself. To IAM, keys of a
 * role that differ only in case are one key, so `team` of the identity replaces `Team` of the defaults. Throws a terminal
 * ReconcileError for what IAM would refuse: a key twice in one list, or too many.
 */
export function roleTags({ own = {}, defaults = {}, provider }: SpecTags): readonly (readonly [string, string])[] {
  for (const refusal of [
    repeatedKey(own, 'spec.role.tags', 'Keep one of them.'),
    repeatedKey(defaults, `spec.roleDefaults.tags of ${provider}`, 'The platform team must keep one of them.'),
  ]) {
    if (refusal !== undefined) throw refusal;
  }
  const taken = new Set(Object.keys(own).map((key) => key.toLowerCase()));
  const inherited = Object.entries(defaults).filter(([key]) => !taken.has(key.toLowerCase()));
  const tags = [...inherited, ...Object.entries(own)].filter(([key]) => !isReserved(key));
  if (tags.length <= MAX_TAGS) return tags;
  throw terminal(
    'QuotaExceeded',
    `spec.role.tags and spec.roleDefaults.tags of ${provider} are ${tags.length} tags together, and IAM takes ${MAX_TAGS} for a role beside the operator's own. Remove some of spec.role.tags.`,
  );
}

function repeatedKey(tags: object, field: string, remedy: string): ReconcileError | undefined {
  const first = new Map<string, string>();
  for (const key of Object.keys(tags).filter((one) => !isReserved(one))) {
    const before = first.get(key.toLowerCase());
    if (before !== undefined) {
      const message = `${field} has ${JSON.stringify(before)} and ${JSON.stringify(key)}, which are one key to IAM. ${remedy}`;
      return terminal('InvalidSpec', message);
    }
    first.set(key.toLowerCase(), key);
  }
  return undefined;
}
