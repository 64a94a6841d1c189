import { AwsFederatedIdentityKind } from '../../crds/aws-federated-identity.ts';
import { API_VERSION } from '../../crds/manifest.ts';
import { BOUND_LABEL } from './bound-label.ts';
import { type Cel, cel, code, conditional } from './cel.ts';
import type { AdmissionOptions } from '../options.ts';
import { eligiblePod, notReady, serviceAccountName } from './pod.ts';
import { type AdmissionObject, named, podCreations, validatingPolicy } from './policy-object.ts';

/**
 * Denies a pod of an AwsFederatedIdentity that the operator has not yet written into the injection table, with that
 * identity's own message; the controller that makes the pod retries. Quick complement of the table gate: it covers the
 * time between the creation of an identity and the operator's first entry, even where the operator is down. Its
 * parameters are the identities without the label `bound`, normally none, so a namespace of many identities costs nothing.
 * An identity that is being deleted holds nothing back: nobody expects its pods to have a role.
 */
export function pendingGate(options: AdmissionOptions): readonly AdmissionObject[] {
  return validatingPolicy(
    {
      name: 'federated-identity-pending-gate',
      description:
        'Holds back pods of an AwsFederatedIdentity that is not yet bound, instead of letting them run without a role.',
      paramRef: {
        selector: { matchExpressions: [{ key: BOUND_LABEL, operator: 'DoesNotExist' }] },
        parameterNotFoundAction: 'Allow',
      },
    },
    {
      // An API server can't read its parameters in its first 30 s, nor without the CRD: `Fail` would deny every pod of the
      // cluster then (ADR 0001).
      failurePolicy: 'Ignore',
      matchConstraints: podCreations(options),
      paramKind: { apiVersion: API_VERSION, kind: AwsFederatedIdentityKind.kind },
      matchConditions: [
        ...eligiblePod,
        named('identity-of-the-pod', cel`params.spec.serviceAccount.name == ${serviceAccountName}`),
        named('identity-not-deleted', cel`!has(params.metadata.deletionTimestamp)`),
      ],
      variables: [named('ready', readyConditions), named('detail', detail)],
      validations: [
        {
          expression: 'false',
          message:
            "the AwsFederatedIdentity of the pod's ServiceAccount is not ready. Next: kubectl get awsfederatedidentities",
          messageExpression: message.source,
          reason: 'Forbidden',
        },
      ],
    },
  );
}

/** A list, as a variable can't be absent. */
const readyConditions: Cel = cel`has(params.status) && has(params.status.conditions) ? params.status.conditions.filter(it, it.type == 'Ready') : []`;

const readyMessage = conditional(
  cel`size(variables.ready) > 0 && has(variables.ready[0].message)`,
  code('variables.ready[0].message'),
  '',
);

/** A message with a line break would be dropped by the API server as a whole. */
const detail = cel`${readyMessage}.replace('\\n', ' ').trim()`;

/** The detail stands within a sentence, so its own full stop goes. */
const clause = cel`(variables.detail.endsWith('.') ? variables.detail.substring(0, size(variables.detail) - 1) : variables.detail)`;

const reason = conditional(
  cel`size(variables.ready) == 0`,
  'the operator has not looked at it yet; is it running?',
  cel`variables.ready[0].reason + (variables.detail != '' ? ': ' + ${clause} : '')`,
);

const message = notReady(code('params.metadata.name'), reason, code('params.metadata.namespace'));
