import { AwsPodInjectionKind, INJECTION_TABLE } from '../crds/aws-pod-injection.ts';
import { API_VERSION, GROUP } from '../crds/manifest.ts';
import { type Cel, cel, code, conditional, exists, fieldOr, not } from './cel.ts';
import { named, type NamedExpression, type ParamKind, type ParamRef } from './policy-object.ts';

/**
 * What the API server does with a pod when a policy can't be evaluated, above all when a CRD is missing: let it in. `Fail`
 * would deny every pod of the cluster then. Measured: docs/adr/0001-admission-failure-policy.md.
 */
export const POD_FAILURE_POLICY = 'Ignore';

/** A pod with this annotation set to "false" is neither injected nor held back. */
export const INJECT_ANNOTATION = `${GROUP}/inject`;

/** Name of the projected token volume, the EKS pod identity webhook's. */
export const TOKEN_VOLUME = 'aws-iam-token';

/** The injection table: one object of a fixed name in each namespace with identities, written by the operator. */
export const injectionTable = {
  paramKind: { apiVersion: API_VERSION, kind: AwsPodInjectionKind.kind } satisfies ParamKind,
  paramRef: { name: INJECTION_TABLE, parameterNotFoundAction: 'Allow' } satisfies ParamRef,
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
  named('not-a-mirror-pod', not(cel`${'kubernetes.io/config.mirror'} in ${podAnnotations}`)),
];

function hasAnnotation(key: string, value: string): Cel {
  return cel`${key} in ${podAnnotations} && object.metadata.annotations[${key}] == ${value}`;
}

/** The table has an entry for the pod's ServiceAccount. */
export const inTable: NamedExpression = named(
  'service-account-in-table',
  cel`has(params.spec.serviceAccounts) && ${serviceAccountName} in params.spec.serviceAccounts`,
);

export const tableEntry = cel`params.spec.serviceAccounts[${serviceAccountName}]`;

export const hasTokenVolume = exists(code('object.spec.volumes'), cel`it.name == ${TOKEN_VOLUME}`);
