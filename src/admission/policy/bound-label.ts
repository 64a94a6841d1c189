import { AwsFederatedIdentityKind } from '../../crds/aws-federated-identity.ts';
import { GROUP } from '../../crds/manifest.ts';
import { type Cel, cel, conditional } from './cel.ts';
import { type AdmissionOptions, operatorUsername } from '../options.ts';
import { type AdmissionObject, named, validatingPolicy } from './policy-object.ts';

/** On an AwsFederatedIdentity: the injection table says the right thing about its ServiceAccount. Lifts the pending gate. */
export const BOUND_LABEL = `${GROUP}/bound`;

/** Keeps everybody but the operator from setting, changing or removing the label: by hand it would let bare pods through. */
export function boundLabelPolicy(options: AdmissionOptions): readonly AdmissionObject[] {
  const user = operatorUsername(options);
  return validatingPolicy(
    {
      name: 'federated-identity-bound-label',
      description: `Only the operator may set, change or remove the label ${BOUND_LABEL} of an AwsFederatedIdentity.`,
    },
    {
      failurePolicy: 'Fail',
      matchConstraints: {
        resourceRules: [
          {
            apiGroups: [GROUP],
            apiVersions: ['*'],
            operations: ['CREATE', 'UPDATE'],
            resources: [AwsFederatedIdentityKind.plural],
          },
        ],
      },
      matchConditions: [named('not-the-operator', cel`request.userInfo.username != ${user}`)],
      variables: [
        named('before', cel`oldObject == null ? [] : ${labelValues('oldObject')}`),
        named('after', labelValues('object')),
      ],
      validations: [
        {
          expression: 'variables.before == variables.after',
          message: `only ${user} may set, change or remove the label ${BOUND_LABEL}: it tells the API server that pods of this identity can be injected. Leave it out of manifests and backups, and apply this object with the value that it has in the cluster`,
          reason: 'Forbidden',
        },
      ],
    },
  );
}

/** The label's value as a list of one, or of none where it is missing. */
function labelValues(object: 'object' | 'oldObject'): Cel {
  const labels: Cel = { source: `${object}.metadata.labels` };
  return conditional(cel`has(${labels}) && ${BOUND_LABEL} in ${labels}`, cel`[${labels}[${BOUND_LABEL}]]`, cel`[]`);
}
