import { CONFIG_MAPS, ENTRY_PATTERN, TABLE_NAME } from '../../kube/injection-table.ts';
import { INJECT_ANNOTATION, MIRROR_ANNOTATION } from '../web-identity.ts';
import { and, type Cel, cel, code, conditional, fieldOr, not } from './cel.ts';
import { named, type NamedExpression, type ParamKind, type ParamRef } from './policy-object.ts';

/** Ends every message that denies a pod. */
export const OPT_OUT = `To run the pod without AWS credentials set its annotation ${INJECT_ANNOTATION}: "false"`;

/** Where pods are denied for an identity (its name, the reason why not, its namespace): what becomes of them, and what to do. */
export const notReady = (identity: Cel, reason: Cel, namespace: Cel): Cel =>
  cel`${'AwsFederatedIdentity '} + ${identity} + ${' is not ready ('} + ${reason} + ${'). Pods of ServiceAccount '} + ${serviceAccountName} + ${' wait for it, since they would run without AWS credentials; controllers retry by themselves. Next: kubectl describe awsfederatedidentity '} + ${identity} + ${' -n '} + ${namespace} + ${`. ${OPT_OUT}`}`;

/**
 * The injection table: a ConfigMap of a fixed name in each namespace with identities, written by the operator. Its kind is
 * built in, so the policies that read it may fail closed (docs/adr/0001-admission-failure-policy.md).
 */
export const injectionTable = {
  paramKind: { apiVersion: CONFIG_MAPS.apiVersion, kind: CONFIG_MAPS.kind } satisfies ParamKind,
  paramRef: { name: TABLE_NAME, parameterNotFoundAction: 'Allow' } satisfies ParamRef,
};

/** The pod's ServiceAccount; the API server runs a pod that names none as `default`. */
export const serviceAccountName = conditional(
  cel`has(object.spec.serviceAccountName) && object.spec.serviceAccountName != ''`,
  code('object.spec.serviceAccountName'),
  'default',
);

export const podAnnotations = fieldOr(code('object.metadata.annotations'), cel`{}`);

/**
 * Match conditions that every pod policy shares. A mirror pod stands for a static pod of a node: it has no ServiceAccount
 * and the API server refuses it with a token volume.
 */
export const eligiblePod: readonly NamedExpression[] = [
  named('not-opted-out', not(hasAnnotation(INJECT_ANNOTATION, 'false'))),
  named('not-a-mirror-pod', not(cel`${MIRROR_ANNOTATION} in ${podAnnotations}`)),
];

function hasAnnotation(key: string, value: string): Cel {
  return cel`${key} in ${podAnnotations} && object.metadata.annotations[${key}] == ${value}`;
}

/** The table says something of the pod's ServiceAccount. */
export const entryIsThere = cel`has(params.data) && ${serviceAccountName} in params.data`;

/** What the table says of the pod's ServiceAccount. */
const tableEntry = cel`params.data[${serviceAccountName}]`;

/** The table has an entry for the pod's ServiceAccount. */
export const inTable = named('service-account-in-table', entryIsThere);

/** The entry is of the form that `tableEntry` of src/kube/injection-table.ts writes. */
export const injectable = cel`${tableEntry}.matches(${ENTRY_PATTERN})`;

/** The table has an entry to inject for the pod's ServiceAccount. */
export const injectableInTable = named('injectable-entry-in-table', and(entryIsThere, injectable));

/** `variables.words`: role ARN, audience, seconds, region and perhaps `global`; or `pending`, identity, reason. */
export const entryWords = named('words', cel`${tableEntry}.split(' ')`);
