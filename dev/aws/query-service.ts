import { randomUUID } from 'node:crypto';
import { authorize, type Principal, principalArn, principalOf } from './authorize.ts';
import { type CallLog, outcomeFields } from './calls.ts';
import { AwsError, ConnectionCut, toAwsError } from './errors.ts';
import type { FaultCandidate, Faults } from './faults.ts';
import { header, type HttpRequest, type HttpResponse } from './http.ts';
import { IAM_OPERATIONS } from './iam/operations.ts';
import { Parameters, queryErrorResponse, queryResponse, type QueryService } from './query-protocol.ts';
import type { QueryCall, QueryOperation } from './query-operation.ts';
import { authenticate, type Signature } from './sigv4.ts';
import type { World } from './state.ts';
import type { Issuers } from './sts/issuer-keys.ts';
import { STS_OPERATIONS } from './sts/operations.ts';
import { validate } from './validation.ts';
import type { XmlRecord } from './xml.ts';

/** What every service of the double works with. */
export interface Services {
  readonly world: World;
  readonly calls: CallLog;
  readonly faults: Faults;
  readonly issuers: Issuers;
}

/** `drop`: the work is done, the connection is to be cut instead of answered. */
export type Outcome = { readonly kind: 'answer'; readonly response: HttpResponse } | { readonly kind: 'drop' };

const OPERATIONS = { iam: IAM_OPERATIONS, sts: STS_OPERATIONS };
const VERSIONS: Readonly<Record<string, QueryService>> = { '2010-05-08': 'iam', '2011-06-15': 'sts' };

/** The IAM or STS request in an HTTP request, if it is one: by `Version`, else by the credential scope. */
export function findQueryRequest(
  request: HttpRequest,
  signature: Signature | undefined,
): { readonly service: QueryService; readonly parameters: Parameters } | undefined {
  const isForm = header(request, 'content-type')?.startsWith('application/x-www-form-urlencoded') === true;
  const form = request.method === 'POST' && isForm ? request.body.toString() : request.query;
  const parameters = Parameters.fromForm(form);
  const version = VERSIONS[parameters.text('Version') ?? ''];
  if (version !== undefined) return { service: version, parameters };
  const scope = signature?.service;
  if (scope === 'iam' || scope === 'sts') return { service: scope, parameters };
  return undefined;
}

/** Authenticates, logs and answers one IAM or STS request. */
export async function serveQuery(
  services: Services,
  request: HttpRequest,
  found: { readonly service: QueryService; readonly parameters: Parameters; readonly signature: Signature | undefined },
): Promise<Outcome> {
  const requestId = randomUUID();
  const { service, parameters } = found;
  const name = parameters.text('Action') ?? '';
  try {
    const operation = findOperation(service, parameters);
    const userAgent = header(request, 'user-agent') ?? '';
    const principal = identify(services, request, { ...found, name, operation, userAgent });
    const done = await perform(services, { service, name, operation, parameters, principal, userAgent });
    if (done.dropResponse) return { kind: 'drop' };
    return { kind: 'answer', response: queryResponse(service, name, done.result, requestId) };
  } catch (error) {
    if (error instanceof ConnectionCut) return { kind: 'drop' };
    return { kind: 'answer', response: queryErrorResponse(service, toAwsError(error), requestId) };
  }
}

type Unauthenticated = Omit<Performance, 'principal'> & { readonly signature: Signature | undefined };

/** Finds the caller; a call that nobody can be made responsible for is logged here, as anonymous. */
function identify(services: Services, request: HttpRequest, call: Unauthenticated): Principal {
  if (call.operation.anonymous === true) return { kind: 'anonymous' };
  const { world, calls } = services;
  try {
    return principalOf(authenticate(request, call.signature, world), world);
  } catch (error) {
    const { service, name, operation, parameters, userAgent } = call;
    const details = { write: operation.write, parameters: parameters.summary(), userAgent, time: world.now() };
    calls.recordUnauthenticated({ service, operation: name, ...details }, error);
    throw error;
  }
}

function findOperation(service: QueryService, parameters: Parameters): QueryOperation {
  const name = parameters.text('Action') ?? '';
  const operation = Object.hasOwn(OPERATIONS[service], name) ? OPERATIONS[service][name] : undefined;
  if (operation !== undefined) return operation;
  const version = parameters.text('Version') ?? 'NO_VERSION_SPECIFIED';
  throw new AwsError(
    'InvalidAction',
    400,
    `Could not find operation ${name || 'NO_ACTION_SPECIFIED'} for version ${version}`,
  );
}

export interface Performance {
  readonly service: QueryService;
  readonly name: string;
  readonly operation: QueryOperation;
  readonly parameters: Parameters;
  readonly principal: Principal;
  readonly userAgent: string;
}

/** One operation with an authenticated caller: validation, faults, permission, work, log. Throws AwsError. */
export async function perform(
  services: Services,
  performance: Performance,
): Promise<{ readonly result: XmlRecord | undefined; readonly dropResponse: boolean }> {
  const { service, name, operation, parameters, principal, userAgent } = performance;
  const call = callOf(services, performance);
  const candidate: FaultCandidate = {
    service,
    operation: name,
    account: operation.accountId?.(parameters) ?? call.account.id,
    principal: principalArn(principal),
    resource: resourceForLog(operation, call),
    write: operation.write,
    parameters: parameters.summary(),
  };
  let failure: unknown;
  try {
    const struck = await services.faults.strike(candidate);
    validate(parameters, operation.constraints);
    await checkPermissions(services.world, performance, call);
    const isDelayed = !operation.write && struck.delayReadsMs > 0;
    const asOf = isDelayed ? services.world.now().getTime() - struck.delayReadsMs : Infinity;
    return { result: await operation.run({ ...call, asOf }), dropResponse: struck.dropResponse };
  } catch (error) {
    failure = error;
    throw error;
  } finally {
    services.calls.record({ ...candidate, time: services.world.now(), ...outcomeFields(failure), userAgent });
  }
}

function callOf(services: Services, { operation, parameters, principal }: Performance): QueryCall {
  const { world, issuers } = services;
  const callerAccount = principal.kind === 'anonymous' ? undefined : principal.account;
  const id = operation.accountId?.(parameters) ?? callerAccount ?? '';
  // A role of an account that does not exist here: its checks fail as for a missing role.
  const account = world.accounts.get(id) ?? world.accounts.values().next().value;
  if (account === undefined) throw new AwsError('InternalFailure', 500, 'local AWS has no account');
  return { world, account, principal, parameters, asOf: Infinity, issuers };
}

/** Before validation a parameter may be missing; the log then says so instead of failing. */
function resourceForLog(operation: QueryOperation, call: QueryCall): string {
  try {
    return operation.resource(call);
  } catch (error) {
    if (error instanceof AwsError) return 'unknown';
    throw error;
  }
}

async function checkPermissions(world: World, performance: Performance, call: QueryCall): Promise<void> {
  const { operation, service, name, principal } = performance;
  if (operation.permission === 'none') return;
  const own = {
    action: `${service}:${name}`,
    resource: operation.resource(call),
    shownResource: operation.shownResource?.(call),
    resourceAccount: call.account.id,
    context: operation.context?.(call) ?? {},
  };
  await authorize(principal, own, world);
  for (const further of operation.alsoNeeds?.(call) ?? []) {
    await authorize(principal, further, world); // oxlint-disable-line no-await-in-loop -- the first denial is the answer
  }
}
