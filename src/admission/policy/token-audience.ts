import { and, cel, code, fieldOr } from './cel.ts';
import { type AdmissionOptions, operatorUsername } from '../options.ts';
import { type AdmissionObject, named, validatingPolicy } from './policy-object.ts';

/**
 * Verification asks for tokens of other ServiceAccounts, and that right alone would let the operator act as any of them. This
 * policy leaves it only tokens that AWS takes and the API server does not, and only short-lived ones.
 */
export function tokenAudiencePolicy(options: AdmissionOptions): readonly AdmissionObject[] {
  const { serviceAccount } = options.operator;
  const audiences = code('object.spec.audiences');
  return validatingPolicy(
    {
      name: 'federated-identity-token-audience',
      description:
        "Limits the operator's TokenRequests to AWS audiences, so that they can't be used on the API server.",
    },
    {
      failurePolicy: 'Fail',
      matchConstraints: {
        resourceRules: [
          { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['serviceaccounts/token'] },
        ],
      },
      matchConditions: [named('the-operator', cel`request.userInfo.username == ${operatorUsername(options)}`)],
      variables: [named('audiences', fieldOr(audiences, cel`[]`))],
      validations: [
        {
          expression: and(
            cel`size(variables.audiences) == 1`,
            cel`variables.audiences.all(audience, audience in ${options.tokenAudiences})`,
          ).source,
          message: `${serviceAccount} may only request tokens for exactly one audience of: ${options.tokenAudiences.join(', ')}`,
          messageExpression:
            cel`${`${serviceAccount} may only request tokens for exactly one audience of: ${options.tokenAudiences.join(', ')}; it asked for: `} + variables.audiences.join(', ')`
              .source,
          reason: 'Forbidden',
        },
        {
          expression: cel`${fieldOr(code('object.spec.expirationSeconds'), 0)} <= ${options.maxOperatorTokenSeconds}`
            .source,
          message: `${serviceAccount} may only request tokens for at most ${options.maxOperatorTokenSeconds} seconds`,
          reason: 'Forbidden',
        },
      ],
    },
  );
}
