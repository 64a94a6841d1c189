import type { PolicyDocument } from '../../iam/policy-document.ts';
import { samePolicyDocument } from '../../iam/policy-document.ts';

interface Statement {
  readonly Effect?: unknown;
  readonly Action?: unknown;
  readonly Principal?: unknown;
  readonly Condition?: unknown;
}

/**
 * What of a role's trust policy keeps the token out or lets others in, in sentences; none where both mean the same to IAM.
 * `want` is a policy of src/iam/trust-policy.ts: a statement for each issuer.
 */
export function trustDifferences(want: PolicyDocument, have: PolicyDocument): readonly string[] {
  if (samePolicyDocument(want, have)) return [];
  const present = statementsOf(have).filter(isWebIdentity);
  if (present.length === 0) return ['no statement allows sts:AssumeRoleWithWebIdentity to an OIDC provider'];
  const pairs = paired(statementsOf(want), present);
  const more = present.length - pairs.filter(([, one]) => one !== undefined).length;
  const rows = [
    ...pairs.flatMap(([wanted, one]) => statementDifferences(wanted, one)),
    ...(more === 0 ? [] : [`${more} more statements allow it`]),
  ];
  return rows.length === 0 ? ['it has other statements beside the one that is wanted'] : rows;
}

/** Each wanted statement with that which names the same OIDC provider, or else with one that names none of those wanted. */
function paired(
  wanted: readonly Statement[],
  present: readonly Statement[],
): ReadonlyArray<readonly [Statement, Statement | undefined]> {
  const isSame = (one: Statement, other: Statement): boolean => text(federatedOf(one)) === text(federatedOf(other));
  const free = present.filter((one) => !wanted.some((other) => isSame(one, other)));
  return wanted.map((one) => [one, present.find((other) => isSame(one, other)) ?? free.shift()]);
}

function statementDifferences(wanted: Statement, one: Statement | undefined): readonly string[] {
  if (one === undefined) return [`no statement allows it to ${text(federatedOf(wanted))}`];
  return [
    ...difference('Effect', wanted.Effect, one.Effect),
    ...difference('Principal.Federated', federatedOf(wanted), federatedOf(one)),
    ...conditionDifferences(conditionsOf(wanted), conditionsOf(one)),
  ];
}

function statementsOf(document: PolicyDocument): readonly Statement[] {
  const parsed = parse(document);
  if (typeof parsed !== 'object' || parsed === null || !('Statement' in parsed)) return [];
  return listOf(parsed.Statement).filter((one): one is Statement => typeof one === 'object' && one !== null);
}

function parse(document: PolicyDocument): unknown {
  try {
    return JSON.parse(document);
  } catch {
    return undefined; // IAM holds JSON; what else came is no statement
  }
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [value]);

const isWebIdentity = ({ Action }: Statement): boolean =>
  listOf(Action).some((action) => /^sts:(assumerolewithwebidentity|\*)$|^\*$/i.test(String(action)));

const federatedOf = ({ Principal }: Statement): unknown =>
  typeof Principal === 'object' && Principal !== null && 'Federated' in Principal ? Principal.Federated : Principal;

/** `StringEquals host/path:aud` and its value, for each condition. */
function conditionsOf({ Condition }: Statement): ReadonlyMap<string, unknown> {
  const operators = typeof Condition === 'object' && Condition !== null ? Object.entries(Condition) : [];
  return new Map(
    operators.flatMap(([operator, keys]) =>
      Object.entries(typeof keys === 'object' && keys !== null ? keys : {}).map(
        ([key, value]) => [`${operator} ${key}`, value] as const,
      ),
    ),
  );
}

function conditionDifferences(
  want: ReadonlyMap<string, unknown>,
  have: ReadonlyMap<string, unknown>,
): readonly string[] {
  const keys = [...new Set([...want.keys(), ...have.keys()])];
  return keys.flatMap((key) => difference(key, want.get(key), have.get(key)));
}

/** Byte for byte: a slash or a blank that is easy to overlook is all that may differ. */
function difference(field: string, want: unknown, have: unknown): readonly string[] {
  const [wanted, present] = [text(want), text(have)];
  if (wanted === present) return [];
  if (wanted === undefined) return [`${field} is ${present}, and should not be there`];
  return [`${field} is ${present ?? 'missing'}, and should be ${wanted}`];
}

function text(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  const list = listOf(value);
  return JSON.stringify(list.length === 1 ? list[0] : list);
}
