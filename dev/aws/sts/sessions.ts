import { randomBytes } from 'node:crypto';
import { type Role, type Tag, uniqueId, type World } from '../state.ts';
import type { Constraints } from '../validation.ts';
import { notImplemented, validationError } from '../errors.ts';
import type { Parameters } from '../query-protocol.ts';
import type { XmlRecord } from '../xml.ts';
import { checkIdentityPolicy } from '../iam/policy-document.ts';

/** Parameters of both AssumeRole operations [model]; `Policy` is supported, `PolicyArns` is not. */
export const SESSION_CONSTRAINTS: Constraints = {
  RoleArn: { kind: 'text', required: true, min: 20, max: 2048 },
  RoleSessionName: { kind: 'text', required: true, min: 2, max: 64, pattern: /^[\w+=,.@-]*$/ },
  DurationSeconds: { kind: 'integer', min: 900, max: 43_200 },
  Policy: { kind: 'text', min: 1, max: 2048 },
};

export interface SessionRequest {
  readonly account: string;
  readonly role: Role;
  readonly sessionName: string;
  readonly durationSeconds: number;
  readonly sessionPolicy?: string | undefined;
  readonly tags?: readonly Tag[];
}

/** Parameters whose effect the double does not have; ignoring them would give a session of other rights than asked for. */
const UNSUPPORTED = [
  'PolicyArns',
  'Tags',
  'TransitiveTagKeys',
  'SourceIdentity',
  'SerialNumber',
  'ProviderId',
  'ProvidedContexts',
];

/** NotImplemented 501 for session policies by ARN, session tags, source identity and MFA. */
export function refuseUnsupported(parameters: Parameters): void {
  const found = UNSUPPORTED.find((name) => parameters.has(name));
  if (found !== undefined) throw notImplemented(`the parameter ${found} of AssumeRole operations`);
}

/** Issues credentials that expire, and the parts of the answer that both operations share. */
export function issueSession(world: World, request: SessionRequest): XmlRecord {
  const { account, role, sessionName, sessionPolicy } = request;
  if (sessionPolicy !== undefined) checkIdentityPolicy(sessionPolicy);
  const accessKeyId = uniqueId('ASIA', 16);
  const secretAccessKey = randomBytes(30).toString('base64');
  const sessionToken = `IQoJb3JpZ2luX2Vj${randomBytes(240).toString('base64')}`;
  const expiration = new Date(Math.floor(world.now().getTime() / 1000 + request.durationSeconds) * 1000);
  world.credentials.set(accessKeyId, {
    kind: 'session',
    accessKeyId,
    secretAccessKey,
    sessionToken,
    expiration,
    account,
    roleName: role.name,
    roleId: role.id,
    sessionName,
    sessionPolicy,
  });
  return {
    Credentials: {
      AccessKeyId: accessKeyId,
      SecretAccessKey: secretAccessKey,
      SessionToken: sessionToken,
      Expiration: expiration.toISOString().replace('.000Z', 'Z'),
    },
    AssumedRoleUser: {
      AssumedRoleId: `${role.id}:${sessionName}`,
      Arn: `arn:${world.partition}:sts::${account}:assumed-role/${role.name}/${sessionName}`,
    },
  };
}

export interface RoleReference {
  readonly partition: string;
  readonly account: string;
  readonly name: string;
}

/** Takes a role ARN apart; anything else is ValidationError `X is invalid` [recorded on AssumeRole]. */
export function parseRoleArn(arn: string): RoleReference {
  const [, partition, account, path] = /^arn:([\w-]+):iam::(\d{12}):role\/(.+)$/.exec(arn) ?? [];
  const name = path?.split('/').at(-1);
  if (!partition || !account || !name) throw validationError(`${arn} is invalid`);
  return { partition, account, name };
}

export function checkDuration(seconds: number, role: Role): void {
  if (seconds > role.maxSessionDuration) {
    throw validationError('The requested DurationSeconds exceeds the MaxSessionDuration set for this role.');
  }
}
