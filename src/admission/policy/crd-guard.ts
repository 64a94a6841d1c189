import { AwsFederatedIdentityKind } from '../../crds/aws-federated-identity.ts';
import { AwsOidcProviderKind } from '../../crds/aws-oidc-provider.ts';
import { crdName, GROUP } from '../../crds/manifest.ts';
import { and, cel, code, conditional, not } from './cel.ts';
import { type AdmissionObject, named, validatingPolicy } from './policy-object.ts';

/** On one of our CRDs, with the value `true`: it may be deleted, and all objects of its kind with it. */
export const ALLOW_DELETION = `${GROUP}/allow-deletion`;

const IDENTITIES = crdName(AwsFederatedIdentityKind);
const PROVIDERS = crdName(AwsOidcProviderKind);
const LOST_WITH_IDENTITIES = 'their IAM roles, under running pods, except where deletionPolicy is Retain';
const LOST_WITH_PROVIDERS =
  'the OIDC providers in IAM where deletionPolicy is Delete: without them no role can be assumed';

/** Argo CD and Flux try a refused deletion again, so the guard must not be gone by then. */
const NOT_PRUNED = {
  'argocd.argoproj.io/sync-options': 'Prune=false,Delete=false',
  'kustomize.toolkit.fluxcd.io/prune': 'disabled',
};

/**
 * Keeps our CRDs from being deleted by a slip, such as `kubectl delete -f` of a whole installation: every identity would go, and
 * nearly every role. It has no parameters, as their kind would be that of the very CRD, and selects by name in a condition,
 * as a collection is deleted without a name in the request.
 */
export function crdGuard(): readonly AdmissionObject[] {
  const annotations = code('oldObject.metadata.annotations');
  const crd = code('oldObject.metadata.name');
  const lost = conditional(cel`${crd} == ${IDENTITIES}`, LOST_WITH_IDENTITIES, LOST_WITH_PROVIDERS);
  return validatingPolicy(
    {
      name: 'federated-identity-crd-guard',
      description: `Nobody deletes a CRD of ${GROUP} by mistake, and all identities with it: it must carry the annotation ${ALLOW_DELETION}: "true".`,
      annotations: NOT_PRUNED,
    },
    {
      failurePolicy: 'Fail',
      matchConstraints: {
        resourceRules: [
          {
            apiGroups: ['apiextensions.k8s.io'],
            apiVersions: ['v1'],
            operations: ['DELETE'],
            resources: ['customresourcedefinitions'],
          },
        ],
      },
      matchConditions: [
        named('our-kinds', cel`${crd} in ${[IDENTITIES, PROVIDERS]}`),
        // A deletion that has begun is not to be stopped any more, and the API server itself may repeat it.
        named('not-in-deletion', not(cel`has(oldObject.metadata.deletionTimestamp)`)),
      ],
      validations: [
        {
          expression: and(
            cel`has(${annotations})`,
            cel`${ALLOW_DELETION} in ${annotations}`,
            cel`${annotations}[${ALLOW_DELETION}] == ${'true'}`,
          ).source,
          message: `with this CRD go all objects of its kind, and what they stand for in AWS. If that is meant, annotate it with ${ALLOW_DELETION}=true first`,
          messageExpression:
            cel`${'with this CRD goes every '} + oldObject.spec.names.kind + ${' of the cluster, and with them go '} + ${lost} + ${'. If that is meant: kubectl annotate crd '} + ${crd} + ${` ${ALLOW_DELETION}=true, and then kubectl delete crd `} + ${crd}`
              .source,
          reason: 'Forbidden',
        },
      ],
    },
  );
}
