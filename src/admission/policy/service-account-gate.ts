import { INJECTION_LABEL, SERVICE_ACCOUNTS } from '../../kube/kinds.ts';
import { annotationKeys } from '../../kube/service-account-annotations.ts';
import type { AdmissionOptions } from '../options.ts';
import { type Cel, cel, code, conditional } from './cel.ts';
import { eligiblePod, OPT_OUT, serviceAccountName } from './pod.ts';
import { type AdmissionObject, named, podCreations, validatingPolicy } from './policy-object.ts';
import { PENDING_MARK } from './service-account-mark.ts';

/**
 * Denies a pod whose ServiceAccount was given an AWS role by hand that is not yet in the injection table. Its parameters are
 * the ServiceAccounts that `serviceAccountMark` has marked, normally none, so a namespace of many costs nothing; the kind is
 * built in and the API server's own admission follows it anyway, so the gate fails closed and needs no further memory.
 */
export function serviceAccountGate(options: AdmissionOptions): readonly AdmissionObject[] {
  return validatingPolicy(
    {
      name: 'federated-identity-service-account-gate',
      description:
        'Holds back pods of a ServiceAccount whose AWS role was just set or changed by hand, instead of letting them run without it.',
      paramRef: {
        selector: { matchExpressions: [{ key: INJECTION_LABEL, operator: 'In', values: [PENDING_MARK] }] },
        parameterNotFoundAction: 'Allow',
      },
    },
    {
      failurePolicy: 'Fail',
      matchConstraints: podCreations(options),
      paramKind: { apiVersion: SERVICE_ACCOUNTS.apiVersion, kind: SERVICE_ACCOUNTS.kind },
      matchConditions: [
        // First, as it is evaluated for each marked ServiceAccount of the namespace.
        named('service-account-of-the-pod', cel`params.metadata.name == ${serviceAccountName}`),
        ...eligiblePod,
      ],
      validations: [
        {
          expression: 'false',
          message: `the AWS role of the pod's ServiceAccount is not taken up yet; controllers retry by themselves. ${OPT_OUT}`,
          messageExpression: message(options).source,
          reason: 'Forbidden',
        },
      ],
    },
  );
}

/** As the schema of src/iam/arn.ts says. */
const isRoleArn = (value: Cel): Cel => cel`${value}.matches(${'^arn:aws[a-z-]*:iam::[0-9]{12}:role/[!-~]+$'})`;

function message({ annotationPrefix }: AdmissionOptions): Cel {
  const { roleArn } = annotationKeys(annotationPrefix);
  const annotations = code('params.metadata.annotations');
  const readable = cel`has(${annotations}) && ${roleArn} in ${annotations} && ${isRoleArn(cel`${annotations}[${roleArn}]`)}`;
  const why = conditional(
    readable,
    'the operator has not taken it up yet; is it running?',
    `annotation ${roleArn} is no ARN of an IAM role: correct or remove it`,
  );
  return cel`${'the AWS role of ServiceAccount '} + params.metadata.name + ${' was set or changed, and is not in force yet ('} + ${why} + ${'). Its pods wait for it, since they would run without AWS credentials or with those of another role; controllers retry by themselves. Next: kubectl describe serviceaccount '} + params.metadata.name + ${' -n '} + params.metadata.namespace + ${`. ${OPT_OUT}`}`;
}
