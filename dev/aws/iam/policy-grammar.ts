import { AwsError } from '../errors.ts';

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/** MalformedPolicyDocument 400; some texts are [recorded], some are moto's, the rest [belief]. */
export const malformed = (message: string): AwsError => new AwsError('MalformedPolicyDocument', 400, message);

const VERSIONS: ReadonlySet<unknown> = new Set([undefined, '2012-10-17', '2008-10-17']);
const STATEMENT_FIELDS: ReadonlySet<string> = new Set([
  'Sid',
  'Effect',
  'Principal',
  'NotPrincipal',
  'Action',
  'NotAction',
  'Resource',
  'NotResource',
  'Condition',
]);

/** Parses a document and checks what identity and trust policies have in common. */
export function statementsOf(document: string): readonly JsonObject[] {
  const policy = parseObject(document);
  const known = Object.keys(policy).every((key) => key === 'Version' || key === 'Id' || key === 'Statement');
  const { Statement } = policy;
  const statements = Statement === undefined ? [] : asList(Statement);
  if (!known || !VERSIONS.has(policy['Version']) || statements.length === 0)
    throw malformed('Syntax errors in policy.');
  const checked = statements.map(checkStatement);
  const sids = checked.map((statement) => statement['Sid']).filter((sid) => sid !== undefined && sid !== '');
  if (new Set(sids).size !== sids.length) {
    throw malformed('Statement IDs (SID) in a single policy must be unique.');
  }
  return checked;
}

function parseObject(document: string): JsonObject {
  let policy: Json;
  try {
    policy = JSON.parse(document);
  } catch (error) {
    throw new AwsError('MalformedPolicyDocument', 400, 'This policy contains invalid Json', { cause: error });
  }
  if (!isObject(policy)) throw malformed('Syntax errors in policy.');
  return policy;
}

function checkStatement(statement: Json): JsonObject {
  if (!isObject(statement) || !Object.keys(statement).every((key) => STATEMENT_FIELDS.has(key))) {
    throw malformed('Syntax errors in policy.');
  }
  const { Effect, Sid = '' } = statement;
  if ((Effect !== 'Allow' && Effect !== 'Deny') || typeof Sid !== 'string') throw malformed('Syntax errors in policy.');
  if (statement['Condition'] !== undefined) checkCondition(statement['Condition']);
  return statement;
}

const OPERATOR =
  /^(ForAnyValue:|ForAllValues:)?(String(Not)?(Equals|EqualsIgnoreCase|Like)|Numeric(Not)?Equals|Numeric(Less|Greater)Than(Equals)?|Date(Not)?Equals|Date(Less|Greater)Than(Equals)?|Bool|BinaryEquals|(Not)?IpAddress|Arn(Not)?(Equals|Like)|Null)(IfExists)?$/i;

function checkCondition(condition: Json): void {
  if (!isObject(condition)) throw malformed('Syntax errors in policy.');
  for (const [operator, keys] of Object.entries(condition)) {
    if (!OPERATOR.test(operator)) throw malformed(`Invalid Condition type : ${operator}.`);
    if (!isObject(keys) || !Object.values(keys).every(isConditionValue)) throw malformed('Syntax errors in policy.');
    if (!Object.keys(keys).every((key) => key.includes(':'))) {
      throw malformed('Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.');
    }
  }
}

const isConditionValue = (value: Json): boolean =>
  asList(value).every((item) => ['string', 'number', 'boolean'].includes(typeof item));

/** The actions of a statement, whichever field has them; `Policy statement must contain actions.` if none has. */
export function actionsOf(statement: JsonObject): readonly string[] {
  const actions = statement['Action'] ?? statement['NotAction'];
  if (actions === undefined || asList(actions).length === 0) throw malformed('Policy statement must contain actions.');
  if ('Action' in statement && 'NotAction' in statement) throw malformed('Syntax errors in policy.');
  return strings(actions);
}

/** A string or list of strings, as a list; anything else is a syntax error. */
export function strings(value: Json): readonly string[] {
  return asList(value).map((item) => {
    if (typeof item !== 'string') throw malformed('Syntax errors in policy.');
    return item;
  });
}

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const asList = (value: Json): readonly Json[] => (isArray(value) ? value : [value]);
export const isArray = (value: Json): value is readonly Json[] => Array.isArray(value);
