import type { AdmissionOptions } from '../options.ts';
import { eligiblePod } from '../policy/pod.ts';
import {
  labels,
  type MatchConstraints,
  type Metadata,
  type NamedExpression,
  outsideExcludedNamespaces,
  podCreations,
  serviceAccountWrites,
  type Selector,
} from '../policy/policy-object.ts';
import { markIsWrong } from '../policy/service-account-mark.ts';
import { WEBHOOK_PATHS } from './request.ts';
import { WEBHOOK_NAME } from './webhook-configuration.ts';

/** The part of admissionregistration.k8s.io/v1 that our webhook uses; field names are Kubernetes' own. */
export interface MutatingWebhookConfiguration {
  readonly apiVersion: 'admissionregistration.k8s.io/v1';
  readonly kind: 'MutatingWebhookConfiguration';
  readonly metadata: Metadata;
  readonly webhooks: readonly {
    readonly name: string;
    /** Without `caBundle`: the operator owns that field, and `kubectl apply` leaves alone what a manifest does not name. */
    readonly clientConfig: {
      readonly service: { readonly name: string; readonly namespace: string; readonly path: string };
    };
    readonly rules: readonly object[];
    readonly namespaceSelector: Selector;
    readonly matchConditions: readonly NamedExpression[];
    readonly admissionReviewVersions: readonly ['v1'];
    readonly failurePolicy: 'Ignore' | 'Fail';
    readonly matchPolicy: 'Equivalent';
    readonly reinvocationPolicy: 'IfNeeded';
    readonly sideEffects: 'None';
    readonly timeoutSeconds: number;
  }[];
}

export interface Service {
  readonly apiVersion: 'v1';
  readonly kind: 'Service';
  readonly metadata: Metadata & { readonly namespace: string };
  readonly spec: {
    readonly selector: Readonly<Record<string, string>>;
    readonly ports: readonly object[];
  };
}

/** The webhooks that inject pods and mark ServiceAccounts on Kubernetes 1.30 and later, where the API server can't do it by itself. */
export function webhookConfiguration(options: AdmissionOptions): MutatingWebhookConfiguration {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: WEBHOOK_NAME, labels, annotations: { 'kubernetes.io/description': description } },
    webhooks: [
      {
        name: 'inject-pod.federatedidentity.dev',
        ...ofBoth(options, WEBHOOK_PATHS.injectPod),
        rules: namespaced(podCreations(options)),
        matchConditions: eligiblePod,
        // A webhook that is down stops no pod of others; pods in the injection table are denied by the table gate then.
        failurePolicy: 'Ignore',
      },
      {
        name: 'mark-service-account.federatedidentity.dev',
        ...ofBoth(options, WEBHOOK_PATHS.markServiceAccount),
        rules: namespaced(serviceAccountWrites(options)),
        matchConditions: markIsWrong(options),
        // An AWS role set by hand without the mark is a pod without its role, unseen. No other write is refused.
        failurePolicy: 'Fail',
      },
    ],
  };
}

const namespaced = ({ resourceRules }: MatchConstraints): readonly object[] =>
  resourceRules.map((rule) => ({ ...rule, scope: 'Namespaced' }));

const ofBoth = (options: AdmissionOptions, path: string) =>
  ({
    clientConfig: {
      service: { name: options.webhookService, namespace: options.operator.namespace, path },
    },
    namespaceSelector: outsideExcludedNamespaces(options),
    admissionReviewVersions: ['v1'],
    matchPolicy: 'Equivalent',
    // Containers that a later webhook adds are injected too, and labels that it writes are judged again.
    reinvocationPolicy: 'IfNeeded',
    sideEffects: 'None',
    timeoutSeconds: 3,
  }) as const;

const description =
  'Injects an AWS web identity token into pods whose ServiceAccount has a role, and marks a ServiceAccount whose role was set by hand until the operator has taken it up. The operator keeps its certificates in caBundle.';

/** By which API servers reach the webhook of any replica. */
export function webhookService({ operator, webhookService: name }: AdmissionOptions): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: operator.namespace, labels },
    spec: {
      selector: { 'app.kubernetes.io/name': 'federated-identity-operator' },
      ports: [{ name: 'webhook', port: 443, targetPort: 'webhook' }],
    },
  };
}
