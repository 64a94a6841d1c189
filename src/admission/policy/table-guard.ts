import { CONFIG_MAPS, TABLE_NAME } from '../../kube/injection-table.ts';
import { cel } from './cel.ts';
import { type AdmissionOptions, operatorUsername } from '../options.ts';
import { type AdmissionObject, named, outsideExcludedNamespaces, validatingPolicy } from './policy-object.ts';

// They empty namespaces that are being deleted and collect what has no owner left. The last name is theirs where the
// controller manager runs without --use-service-account-credentials.
const cleaners = [
  'system:serviceaccount:kube-system:namespace-controller',
  'system:serviceaccount:kube-system:generic-garbage-collector',
  'system:kube-controller-manager',
];

/**
 * Keeps everybody but the operator from writing an injection table. Other ConfigMaps are passed over by their name before
 * any expression is evaluated, except on DELETE: a collection is deleted without a name in the request.
 */
export function tableGuard(options: AdmissionOptions): readonly AdmissionObject[] {
  const user = operatorUsername(options);
  const configMaps = { apiGroups: [''], apiVersions: ['v1'], resources: [CONFIG_MAPS.plural] };
  return validatingPolicy(
    {
      name: 'federated-identity-table-guard',
      description: `Only the operator may create, change or delete a ConfigMap ${TABLE_NAME}: pods get their AWS roles from it.`,
    },
    {
      failurePolicy: 'Fail',
      matchConstraints: {
        namespaceSelector: outsideExcludedNamespaces(options),
        resourceRules: [
          // Validation sees the final name, also one that the API server generated.
          { ...configMaps, operations: ['CREATE', 'UPDATE'], resourceNames: [TABLE_NAME] },
          { ...configMaps, operations: ['DELETE'] },
        ],
      },
      matchConditions: [
        named('injection-table', cel`(object != null ? object : oldObject).metadata.name == ${TABLE_NAME}`),
        named('not-the-operator', cel`request.userInfo.username != ${user}`),
        named('not-a-cleaner', cel`!(request.operation == ${'DELETE'} && request.userInfo.username in ${cleaners})`),
      ],
      validations: [
        {
          expression: 'false',
          message: `only ${user} may create, change or delete a ConfigMap ${TABLE_NAME}: pods get their AWS roles from it. Write an AwsFederatedIdentity instead, and leave this ConfigMap out of manifests and backups`,
          reason: 'Forbidden',
        },
      ],
    },
  );
}
