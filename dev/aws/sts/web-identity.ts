import { runUnsafeSimulation } from '@cloud-copilot/iam-simulate';
import type { Context } from '../authorize.ts';
import { accessDenied } from '../errors.ts';
import { isObject, type JsonObject, statementsOf, strings } from '../iam/policy-grammar.ts';
import type { QueryCall, QueryOperation } from '../query-operation.ts';
import type { OidcProvider, Role } from '../state.ts';
import type { XmlRecord } from '../xml.ts';
import {
  checkDuration,
  issueSession,
  parseRoleArn,
  refuseUnsupported,
  type RoleReference,
  SESSION_CONSTRAINTS,
} from './sessions.ts';
import { checkClaims, decodeToken, invalidToken, verifySignature, type WebIdentity } from './web-identity-token.ts';

const ACTION = 'sts:AssumeRoleWithWebIdentity';

/** AssumeRoleWithWebIdentity: unsigned; who may, the token and the role's trust policy say. */
export const ASSUME_ROLE_WITH_WEB_IDENTITY: QueryOperation = {
  write: false,
  anonymous: true,
  permission: 'none',
  constraints: { ...SESSION_CONSTRAINTS, WebIdentityToken: { kind: 'text', required: true, min: 4, max: 20_000 } },
  accountId: (parameters) => parameters.text('RoleArn')?.split(':')[4],
  resource: (call) => call.parameters.required('RoleArn'),
  run: assumeRoleWithWebIdentity,
};

/** The order of AWS's checks: JWT, provider, keys and signature, times, audience, role and trust policy. */
async function assumeRoleWithWebIdentity(call: QueryCall): Promise<XmlRecord> {
  const { parameters, world } = call;
  refuseUnsupported(parameters);
  const reference = parseRoleArn(parameters.required('RoleArn'));
  const token = parameters.required('WebIdentityToken');
  const decoded = decodeToken(token);
  const provider = findProvider(call, reference, String(decoded.claims.iss));
  await verifySignature(token, decoded, call.issuers, provider.thumbprints);
  const identity = checkClaims(decoded, provider.clientIds, world.now());
  const sessionName = parameters.required('RoleSessionName');
  const role = findTrustingRole(call, reference, { identity, provider, sessionName });
  const durationSeconds = Number(parameters.text('DurationSeconds') ?? 3600);
  checkDuration(durationSeconds, role);
  return {
    SubjectFromWebIdentityToken: identity.subject,
    Audience: identity.audiences[0],
    ...issueSession(world, {
      account: reference.account,
      role,
      sessionName,
      durationSeconds,
      sessionPolicy: parameters.text('Policy'),
    }),
    Provider: provider.arn,
  };
}

function findProvider(call: QueryCall, { account }: RoleReference, issuer: string): OidcProvider {
  const arn = `arn:${call.world.partition}:iam::${account}:oidc-provider/${issuer.replace(/^https:\/\//, '')}`;
  const provider = call.world.accounts.get(account)?.providers.get(arn, call.asOf);
  if (provider === undefined || provider.url !== issuer) {
    throw invalidToken(`No OpenIDConnect provider found in your account for ${issuer}`);
  }
  return provider;
}

interface Presented {
  readonly identity: WebIdentity;
  readonly provider: OidcProvider;
  readonly sessionName: string;
}

/** A missing role, a wrong path and a trust policy that does not match are one and the same AccessDenied. */
function findTrustingRole(call: QueryCall, { account, name }: RoleReference, presented: Presented): Role {
  const role = call.world.accounts.get(account)?.roles.get(name.toLowerCase(), call.asOf);
  const arn = call.parameters.required('RoleArn');
  if (role === undefined || role.arn !== arn || !trusts(role, account, presented)) {
    throw accessDenied(`Not authorized to perform ${ACTION}`);
  }
  return role;
}

/**
 * Evaluates the trust policy. iam-simulate 0.1.173 cannot do it as a whole: `runSimulation` drops the condition keys
 * `<issuer>:aud` and `:sub` of issuers that it does not know, and `runUnsafeSimulation`, which keeps them, fails on any
 * resource policy. So the principal is matched here, and the statements that name it are evaluated as an identity policy.
 */
function trusts(role: Role, account: string, presented: Presented): boolean {
  const statements = statementsOf(role.trustPolicy).filter((statement) => names(statement, presented.provider.arn));
  if (statements.length === 0) return false;
  const result = runUnsafeSimulation(
    {
      request: {
        principal: presented.provider.arn,
        action: ACTION,
        resource: { resource: role.arn, accountId: account },
        contextVariables: trustContext(presented),
      },
      identityPolicies: [
        { name: 'trust', policy: { Version: '2012-10-17', Statement: statements.map(withoutPrincipal) } },
      ],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
    },
    {},
  );
  return result === 'Allowed';
}

/** Whether a statement is about the provider: named as Federated, or everyone (`{"AWS":"*"}`); NotPrincipal reversed. */
function names({ Principal, NotPrincipal }: JsonObject, providerArn: string): boolean {
  const principal = Principal ?? NotPrincipal;
  const { Federated = [], AWS = [] } = isObject(principal) ? principal : {};
  const isNamed = strings(Federated).includes(providerArn) || strings(AWS).includes('*');
  return Principal === undefined ? !isNamed : isNamed;
}

const withoutPrincipal = ({ Principal: _named, NotPrincipal: _others, ...statement }: JsonObject): JsonObject => ({
  ...statement,
  Resource: '*',
});

/** Only aud, sub, amr and oaud reach a trust policy; other claims of a custom issuer are dropped [doc]. */
function trustContext({ identity, provider, sessionName }: Presented): Record<string, string | string[]> {
  const prefix = provider.url.replace(/^https:\/\//, '');
  const context: Context = {
    [`${prefix}:aud`]: single(identity.audiences),
    [`${prefix}:sub`]: identity.subject,
    ...(identity.originalAudiences === undefined ? {} : { [`${prefix}:oaud`]: single(identity.originalAudiences) }),
    ...(identity.methods === undefined ? {} : { [`${prefix}:amr`]: [...identity.methods] }),
    'aws:FederatedProvider': provider.arn,
    'aws:SecureTransport': 'true',
    'aws:SourceIp': '127.0.0.1',
    'sts:RoleSessionName': sessionName,
  };
  return { ...context };
}

/** `aud` of one value is single-valued: plain StringEquals works, as in every IRSA trust policy. */
const single = (values: readonly string[]): string | string[] =>
  values.length === 1 && values[0] !== undefined ? values[0] : [...values];
