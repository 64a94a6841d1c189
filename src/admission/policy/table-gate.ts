import { TABLE_NAME } from '../../kube/injection-table.ts';
import { and, cel, code, fieldOr, not } from './cel.ts';
import { mountsToken, setsOneOf, skippedContainers } from './container.ts';
import type { AdmissionOptions } from '../options.ts';
import {
  eligiblePod,
  entryWords,
  injectable,
  injectionTable,
  inTable,
  OPT_OUT,
  serviceAccountName,
  waitingPods,
} from './pod.ts';
import {
  type AdmissionObject,
  named,
  type NamedExpression,
  podCreations,
  type Validation,
  validatingPolicy,
} from './policy-object.ts';

/**
 * Denies a pod whose ServiceAccount is in the injection table and that is not complete all the same: its identity is not
 * ready, or the injection failed, was removed, or is a webhook that was down.
 */
export function tableGate(options: AdmissionOptions): readonly AdmissionObject[] {
  return validatingPolicy(
    {
      name: 'federated-identity-table-gate',
      description:
        'Denies a pod whose ServiceAccount has an AWS role, or waits for one, but that was not given its token.',
      paramRef: injectionTable.paramRef,
    },
    {
      failurePolicy: 'Fail',
      matchConstraints: podCreations(options),
      paramKind: injectionTable.paramKind,
      matchConditions: [...eligiblePod, inTable],
      variables: [entryWords, skippedContainers(options), incomplete(options)],
      // The API server shows the message of the first one that does not hold.
      validations: [notPending, readable, complete],
    },
  );
}

/** `variables.incomplete`: names of the containers that could not get credentials. */
function incomplete(options: AdmissionOptions): NamedExpression {
  const equipped = and(setsOneOf(['AWS_ROLE_ARN']), setsOneOf(['AWS_WEB_IDENTITY_TOKEN_FILE']), mountsToken(options));
  const wanting = and(not(cel`container.name in variables.skipped`), not(equipped));
  const containers = cel`(${fieldOr(code('object.spec.initContainers'), cel`[]`)} + object.spec.containers)`;
  return named('incomplete', cel`${containers}.filter(container, ${wanting}).map(container, container.name)`);
}

const identity = code('variables.words[1]');

const notPending: Validation = {
  expression: cel`variables.words[0] != ${'pending'}`.source,
  message: `the AwsFederatedIdentity of the pod's ServiceAccount is not ready. Next: kubectl get awsfederatedidentities. ${OPT_OUT}`,
  messageExpression:
    cel`${'AwsFederatedIdentity '} + ${identity} + ${' is not ready ('} + variables.words[2] + ${'). '} + ${waitingPods(serviceAccountName, identity, code('request.namespace'))}`
      .source,
  reason: 'Forbidden',
};

const readable: Validation = {
  expression: cel`variables.words[0] == ${'pending'} || ${injectable}`.source,
  message: `the entry of the pod's ServiceAccount in ConfigMap ${TABLE_NAME} is not of the form "role-arn audience seconds region"`,
  messageExpression:
    cel`${'the entry '} + ${serviceAccountName} + ${` in ConfigMap ${TABLE_NAME} is not of the form "role-arn audience seconds region": the operator writes it anew when it starts. ${OPT_OUT}`}`
      .source,
  reason: 'Forbidden',
};

const complete: Validation = {
  expression: 'size(variables.incomplete) == 0',
  message: 'the pod was not given the AWS role of its ServiceAccount',
  messageExpression:
    cel`${'ServiceAccount '} + ${serviceAccountName} + ${' has the AWS role '} + variables.words[0] + ${', but container '} + variables.incomplete[0] + ${` was not given it: check that MutatingAdmissionPolicy federated-identity-injection and its binding exist, and that nothing takes the token's variables or mount away again. ${OPT_OUT}`}`
      .source,
  reason: 'Forbidden',
};
