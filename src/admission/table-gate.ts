import { cel } from './cel.ts';
import type { AdmissionOptions } from './options.ts';
import {
  eligiblePod,
  hasTokenVolume,
  INJECT_ANNOTATION,
  injectionTable,
  inTable,
  POD_FAILURE_POLICY,
  serviceAccountName,
  tableEntry,
} from './pod.ts';
import { type AdmissionObject, podCreations, validatingPolicy } from './policy-object.ts';

/**
 * Denies a pod whose ServiceAccount is in the injection table and that was not injected all the same: the injection failed
 * (say, the CEL cost limit on a huge pod), was removed, or is a webhook that was down. It makes `Ignore` safe there.
 */
export function tableGate(options: AdmissionOptions): readonly AdmissionObject[] {
  return validatingPolicy(
    {
      name: 'federated-identity-table-gate',
      description: 'Denies a pod whose ServiceAccount has an AWS role but that was not given its token.',
      paramRef: injectionTable.paramRef,
    },
    {
      failurePolicy: POD_FAILURE_POLICY,
      matchConstraints: podCreations(options),
      paramKind: injectionTable.paramKind,
      matchConditions: [...eligiblePod, inTable],
      validations: [
        {
          expression: hasTokenVolume.source,
          message: 'the pod was not injected with the AWS role of its ServiceAccount',
          messageExpression:
            cel`${'ServiceAccount '} + ${serviceAccountName} + ${' has the AWS role '} + ${tableEntry}.roleArn + ${`, but the pod was not given its token: check that MutatingAdmissionPolicy federated-identity-injection and its binding exist and that the pod is not extremely large. To run the pod without AWS credentials set its annotation ${INJECT_ANNOTATION}: "false"`}`
              .source,
          reason: 'Forbidden',
        },
      ],
    },
  );
}
