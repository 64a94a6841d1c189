import type { Context } from '../authorize.ts';
import { AwsError } from '../errors.ts';
import type { Tag } from '../state.ts';

const MAX_TAGS = 50;

/** Refuses duplicate keys (case-insensitive) and the reserved prefix `aws:`. InvalidInput 400 [recorded / belief for `aws:`]. */
function checkTagKeys(tags: readonly Tag[]): void {
  const keys = tags.map((tag) => tag.Key.toLowerCase());
  if (new Set(keys).size !== keys.length) {
    throw new AwsError(
      'InvalidInput',
      400,
      'Duplicate tag keys found. Please note that Tag keys are case insensitive.',
    );
  }
  if (keys.some((key) => key.startsWith('aws:'))) {
    throw new AwsError('InvalidInput', 400, 'Tag keys cannot start with the reserved prefix aws:.');
  }
}

/** Adds tags, overwriting equal keys; all or nothing. Over 50: LimitExceeded 409 [recorded]. */
export function withTags(present: readonly Tag[], added: readonly Tag[]): readonly Tag[] {
  checkTagKeys(added);
  const merged = new Map(present.map((tag) => [tag.Key.toLowerCase(), tag]));
  for (const tag of added) merged.set(tag.Key.toLowerCase(), tag);
  if (merged.size > MAX_TAGS) {
    throw new AwsError('LimitExceeded', 409, 'The number of tags has reached the maximum limit.');
  }
  return [...merged.values()];
}

/** Removes tags; absent keys are no error. */
export function withoutTags(present: readonly Tag[], keys: readonly string[]): readonly Tag[] {
  const removed = new Set(keys.map((key) => key.toLowerCase()));
  return present.filter((tag) => !removed.has(tag.Key.toLowerCase()));
}

export const sortedTags = (tags: readonly Tag[]): readonly Tag[] =>
  tags.toSorted((a, b) => (a.Key < b.Key ? -1 : a.Key > b.Key ? 1 : 0));

/** XML of a tag list: always as plain records. */
export const tagXml = (tags: readonly Tag[]): { Key: string; Value: string }[] =>
  tags.map(({ Key, Value }) => ({ Key, Value }));

export function requestTagContext(tags: readonly Tag[] | undefined): Context {
  if (tags === undefined || tags.length === 0) return {};
  return {
    ...Object.fromEntries(tags.map(({ Key, Value }) => [`aws:RequestTag/${Key}`, Value])),
    'aws:TagKeys': tags.map((tag) => tag.Key),
  };
}

export function resourceTagContext(tags: readonly Tag[] | undefined): Context {
  const entries = (tags ?? []).flatMap(({ Key, Value }): [string, string][] => [
    [`aws:ResourceTag/${Key}`, Value],
    [`iam:ResourceTag/${Key}`, Value],
  ]);
  return Object.fromEntries(entries);
}
