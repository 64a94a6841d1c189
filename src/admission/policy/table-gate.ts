import { TABLE_NAME } from '../../kube/injection-table.ts';
import { and, type Cel, cel, code, concat, conditional, not, or } from './cel.ts';
import {
  allContainers,
  CONTAINER_SIZE,
  isSmallEnough,
  MAX_POD_SIZE,
  mountsToken,
  podSize,
  setsOneOf,
  SKIP_CHARACTER_SIZE,
  skippedContainers,
  skippedNames,
  smallEnough,
} from './container.ts';
import type { AdmissionOptions } from '../options.ts';
import { ROLE_VARIABLE, skipAnnotation, TOKEN_FILE_VARIABLE } from '../web-identity.ts';
import {
  eligiblePod,
  entryIsThere,
  entryWords,
  injectable,
  injectionTable,
  inTable,
  OPT_OUT,
  notReady,
  serviceAccountName,
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
      matchConditions: [...eligiblePod, inTable, named('not-complete', not(isComplete(options)))],
      variables: [entryWords, podSize(options), ...skippedContainers(options), incomplete(options), lacks(options)],
      // The API server shows the message of the first one that does not hold.
      validations: [notPending, readable, notTooLarge(options), complete],
    },
  );
}

/**
 * The entry injects, and every container has what it gives. A match condition for the sake of speed: each further evaluation
 * of a policy converts its whole parameter, which takes the longer the larger the table is. All match conditions are evaluated,
 * also after one that does not hold: the first term spares the pods of other ServiceAccounts the rest.
 */
function isComplete(options: AdmissionOptions): Cel {
  const equipped = and(...needs(options).map(({ there }) => there));
  const left = or(code('container.name in skipped'), equipped);
  // A list of one gives the names a name, so that they are not read again for each container.
  const allLeft = cel`[${skippedNames(options)}].all(skipped, ${allContainers}.all(container, ${left}))`;
  return and(entryIsThere, injectable, isSmallEnough(options), allLeft);
}

/** What a container lacks, as the CEL variable `container`. */
const needs = (options: AdmissionOptions): readonly { readonly name: string; readonly there: Cel }[] => [
  { name: ROLE_VARIABLE, there: setsOneOf([ROLE_VARIABLE]) },
  { name: TOKEN_FILE_VARIABLE, there: setsOneOf([TOKEN_FILE_VARIABLE]) },
  { name: `a mount at ${options.mountPath}`, there: mountsToken(options) },
];

/** `variables.incomplete`: the containers that could not get credentials; none of a pod that is too large to look at them. */
function incomplete(options: AdmissionOptions): NamedExpression {
  const equipped = and(...needs(options).map(({ there }) => there));
  const wanting = and(not(cel`container.name in variables.skipped`), not(equipped));
  return named('incomplete', conditional(smallEnough, cel`${allContainers}.filter(container, ${wanting})`, cel`[]`));
}

/** `variables.lacks`: what each of them lacks, as text. */
function lacks(options: AdmissionOptions): NamedExpression {
  const lists = needs(options).map(({ name, there }) => conditional(there, cel`[]`, cel`[${name}]`));
  const text = cel`(${concat(lists)}).join(${', '})`;
  return named('lacks', cel`variables.incomplete.map(container, ${text})`);
}

const identity = code('variables.words[1]');

const notPending: Validation = {
  expression: cel`variables.words[0] != ${'pending'}`.source,
  message: `the AwsFederatedIdentity of the pod's ServiceAccount is not ready. Next: kubectl get awsfederatedidentities. ${OPT_OUT}`,
  messageExpression: notReady(identity, code('variables.words[2]'), code('request.namespace')).source,
  reason: 'Forbidden',
};

const FORM = '"role-arn audience seconds region [global]"';

const readable: Validation = {
  expression: cel`variables.words[0] == ${'pending'} || ${injectable}`.source,
  message: `the entry of the pod's ServiceAccount in ConfigMap ${TABLE_NAME} is not of the form ${FORM}`,
  messageExpression:
    cel`${'the entry '} + ${serviceAccountName} + ${` in ConfigMap ${TABLE_NAME} is not of the form ${FORM}: the operator writes it anew when it starts. ${OPT_OUT}`}`
      .source,
  reason: 'Forbidden',
};

const notTooLarge = (options: AdmissionOptions): Validation => ({
  expression: smallEnough.source,
  message: `the pod is too large to be given the AWS role of its ServiceAccount. ${OPT_OUT}`,
  messageExpression:
    cel`${`the pod is too large to be given the AWS role of its ServiceAccount: the variables and mounts of its containers, ${CONTAINER_SIZE} for each container and ${SKIP_CHARACTER_SIZE} for each character of its annotation ${skipAnnotation(options)} make `} + string(variables.podSize) + ${`, and may make ${MAX_POD_SIZE}. Take variables from a ConfigMap by envFrom. ${OPT_OUT}`}`
      .source,
  reason: 'Forbidden',
});

const complete: Validation = {
  expression: cel`size(variables.incomplete) == 0`.source,
  message: 'the pod was not given the AWS role of its ServiceAccount',
  messageExpression:
    cel`${'ServiceAccount '} + ${serviceAccountName} + ${' has the AWS role '} + variables.words[0] + ${', but container '} + variables.incomplete[0].name + ${' was not given it: it lacks '} + variables.lacks[0] + ${`. Check that federated-identity-injection (MutatingAdmissionPolicy with its binding, or MutatingWebhookConfiguration with a running operator) is there, and that nothing takes these away again. ${OPT_OUT}`}`
      .source,
  reason: 'Forbidden',
};
