import { validationError } from './errors.ts';
import type { Parameters } from './query-protocol.ts';
import type { Tag } from './state.ts';

/** A bound on one string. `message` replaces the generated text where IAM has its own. */
export interface TextConstraint {
  readonly kind: 'text';
  readonly required?: boolean;
  readonly min?: number;
  readonly max?: number;
  readonly pattern?: RegExp;
  readonly message?: string;
}

type Constraint =
  | TextConstraint
  | { readonly kind: 'integer'; readonly required?: boolean; readonly min: number; readonly max: number }
  | {
      readonly kind: 'list';
      readonly required?: boolean;
      readonly max?: number;
      readonly item: TextConstraint;
      readonly notNull?: boolean;
    }
  | { readonly kind: 'tags'; readonly required?: boolean };

export type Constraints = Readonly<Record<string, Constraint>>;

export const TAG_KEY_PATTERN = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]+$/u;
const TAG_VALUE_PATTERN = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;
const MAX_TAGS = 50;

/**
 * Checks a request against the bounds of the API model, as IAM and STS do before anything else.
 * All faults come in one ValidationError, ordered by parameter name; values are not repeated [recorded 2026-02].
 */
export function validate(parameters: Parameters, constraints: Constraints): void {
  const faults = Object.entries(constraints)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, constraint]) => check(parameters, name, constraint));
  const own = faults.find((fault) => fault.message !== undefined);
  if (own?.message !== undefined && faults.length === 1) throw validationError(own.message);
  if (faults.length === 0) return;
  const texts = faults.map((fault) => `Value at '${fault.at}' failed to satisfy constraint: ${fault.problem}`);
  throw validationError(
    `${faults.length} validation error${faults.length === 1 ? '' : 's'} detected: ${texts.join('; ')}`,
  );
}

interface Fault {
  readonly at: string;
  readonly problem: string;
  readonly message?: string | undefined;
}

function check(parameters: Parameters, name: string, constraint: Constraint): Fault[] {
  const at = memberName(name);
  switch (constraint.kind) {
    case 'text':
      return checkRequired(at, constraint, parameters.text(name), (value) => checkText(at, constraint, value));
    case 'integer':
      return checkRequired(at, constraint, parameters.text(name), (value) => checkInteger(at, constraint, value));
    case 'list':
      return checkRequired(at, constraint, parameters.list(name), (items) => checkList(at, constraint, items));
    case 'tags':
      return checkRequired(at, constraint, parameters.tags(name), (tags) => checkTags(at, tags));
    default:
      return constraint satisfies never;
  }
}

function checkRequired<T>(
  at: string,
  constraint: Constraint,
  value: T | undefined,
  then: (value: T) => Fault[],
): Fault[] {
  if (value !== undefined) return then(value);
  return constraint.required === true ? [{ at, problem: 'Member must not be null' }] : [];
}

function checkText(at: string, constraint: TextConstraint, value: string): Fault[] {
  const { min = 0, max = Infinity, pattern, message } = constraint;
  if (value.length > max) return [{ at, problem: atMost(max) }];
  if (value.length < min) return [{ at, problem: atLeast(min) }];
  if (pattern !== undefined && !pattern.test(value)) return [{ at, problem: matching(pattern), message }];
  return [];
}

function checkInteger(
  at: string,
  { min, max }: { readonly min: number; readonly max: number },
  value: string,
): Fault[] {
  const number = Number(value);
  if (!Number.isInteger(number)) return [{ at, problem: 'Member must be an integer' }];
  if (number > max) return [{ at, problem: `Member must have value less than or equal to ${max}` }];
  if (number < min) return [{ at, problem: `Member must have value greater than or equal to ${min}` }];
  return [];
}

/** Lists name the whole set of item constraints, whichever one is broken [recorded]. */
function checkList(at: string, constraint: Extract<Constraint, { kind: 'list' }>, items: readonly string[]): Fault[] {
  const { max = Infinity, item, notNull = false } = constraint;
  if (items.length > max) return [{ at, problem: atMost(max) }];
  if (items.every((value) => checkText(at, item, value).length === 0)) return [];
  const bounds = [
    ...(item.max === undefined ? [] : [atMost(item.max)]),
    ...(item.min === undefined ? [] : [atLeast(item.min)]),
    ...(item.pattern === undefined ? [] : [matching(item.pattern)]),
    ...(notNull ? ['Member must not be null'] : []),
  ];
  return [{ at, problem: `Member must satisfy constraint: [${bounds.join(', ')}]` }];
}

function checkTags(at: string, tags: readonly Tag[]): Fault[] {
  if (tags.length > MAX_TAGS) return [{ at, problem: atMost(MAX_TAGS) }];
  return tags.flatMap(({ Key, Value }, index) => [
    ...checkText(`${at}.${index + 1}.member.key`, { kind: 'text', min: 1, max: 128, pattern: TAG_KEY_PATTERN }, Key),
    ...checkText(`${at}.${index + 1}.member.value`, { kind: 'text', max: 256, pattern: TAG_VALUE_PATTERN }, Value),
  ]);
}

const atMost = (max: number): string => `Member must have length less than or equal to ${max}`;
const atLeast = (min: number): string => `Member must have length greater than or equal to ${min}`;
const matching = (pattern: RegExp): string =>
  `Member must satisfy regular expression pattern: ${pattern.source.replace(/^\^/, '').replace(/\$$/, '').replaceAll('\\/', '/')}`;

/** `RoleName` is `roleName` on the wire of errors; `ClientIDList` is `clientIDList`. */
const memberName = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1);
