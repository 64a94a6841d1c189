import { INJECTION_LABEL } from '../../kube/kinds.ts';
import { annotationKeys } from '../../kube/service-account-annotations.ts';
import { type AdmissionOptions, operatorUsername } from '../options.ts';
import { and, type Cel, cel, code, conditional, fieldOr, not, or } from './cel.ts';
import {
  type AdmissionObject,
  mutatingPolicy,
  named,
  type NamedExpression,
  serviceAccountWrites,
} from './policy-object.ts';

/** The value of INJECTION_LABEL that has the service account gate deny pods. */
export const PENDING_MARK = 'pending';

/** The label as a JSON pointer (RFC 6901). */
export const LABEL_PATH = `/metadata/labels/${INJECTION_LABEL.replaceAll('/', '~1')}`;

/**
 * Has the API server itself mark a ServiceAccount whose AWS role was set or changed by hand, in the very write that does it:
 * from then on the service account gate denies its pods until the operator has taken the change into the injection table.
 * The label follows from the annotations alone: who writes it without them finds it as it was.
 */
export function serviceAccountMark(options: AdmissionOptions): readonly AdmissionObject[] {
  return mutatingPolicy(
    {
      name: 'federated-identity-service-account-mark',
      description: `Labels a ServiceAccount ${INJECTION_LABEL}: ${PENDING_MARK} when its AWS role was set or changed by hand, until the operator has taken it up.`,
    },
    {
      failurePolicy: 'Fail',
      // Annotations that a later policy or webhook sets are judged too. Only what was evaluated once is evaluated again, so that
      // ServiceAccounts without a role are not passed over by a condition.
      reinvocationPolicy: 'IfNeeded',
      matchConstraints: serviceAccountWrites(options),
      matchConditions: [notTheOperator(options)],
      variables: variables(options),
      mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression: patches.source } }],
    },
  );
}

const labelsOf = (object: 'object' | 'oldObject'): Cel => fieldOr(code(`${object}.metadata.labels`), cel`{}`);
const annotationsOf = (object: 'object' | 'oldObject'): Cel => fieldOr(code(`${object}.metadata.annotations`), cel`{}`);

const hasLabel = cel`${INJECTION_LABEL} in ${labelsOf('object')}`;
const hadLabel = cel`oldObject != null && ${INJECTION_LABEL} in ${labelsOf('oldObject')}`;

const notTheOperator = (options: AdmissionOptions): NamedExpression =>
  named('not-the-operator', cel`request.userInfo.username != ${operatorUsername(options)}`);

const annotationsBefore = conditional(cel`oldObject == null`, cel`{}`, annotationsOf('oldObject'));

/** The value that the label must have, in a list of one; an empty list where it must be missing. */
function wantedLabel({ annotationPrefix }: AdmissionOptions, now: Cel, before: Cel): Cel {
  const keys = annotationKeys(annotationPrefix);
  const hasRole = cel`${keys.roleArn} in ${now} && ${now}[${keys.roleArn}] != ''`;
  const same = or(
    cel`!(key in ${now}) && !(key in ${before})`,
    cel`key in ${now} && key in ${before} && ${now}[key] == ${before}[key]`,
  );
  const unchanged = and(cel`oldObject != null`, cel`${Object.values(keys)}.all(key, ${same})`);
  const kept = conditional(hadLabel, cel`[oldObject.metadata.labels[${INJECTION_LABEL}]]`, cel`[]`);
  return conditional(not(hasRole), cel`[]`, conditional(unchanged, kept, cel`[${PENDING_MARK}]`));
}

function variables(options: AdmissionOptions): readonly NamedExpression[] {
  return [
    named('now', annotationsOf('object')),
    named('before', annotationsBefore),
    named('wanted', wantedLabel(options, code('variables.now'), code('variables.before'))),
  ];
}

/**
 * When the webhook must be asked to set the mark, where the API server can't do it by itself: only for a write that leaves the
 * label as it must not be, so that all other writes of ServiceAccounts go on while the webhook is down.
 */
export function markIsWrong(options: AdmissionOptions): readonly NamedExpression[] {
  const label = conditional(hasLabel, cel`[object.metadata.labels[${INJECTION_LABEL}]]`, cel`[]`);
  const wanted = wantedLabel(options, annotationsOf('object'), annotationsBefore);
  return [notTheOperator(options), named('mark-is-wrong', cel`${label} != ${wanted}`)];
}

const addLabel = cel`${conditional(
  cel`has(object.metadata.labels)`,
  cel`[]`,
  cel`[JSONPatch{op: 'add', path: ${'/metadata/labels'}, value: {}}]`,
)} + [JSONPatch{op: 'add', path: ${LABEL_PATH}, value: variables.wanted[0]}]`;

const removeLabel = conditional(hasLabel, cel`[JSONPatch{op: 'remove', path: ${LABEL_PATH}}]`, cel`[]`);

const patches = conditional(cel`size(variables.wanted) == 0`, removeLabel, addLabel);
