import type { KubernetesResource, ResourceType } from '../../kube/resource.ts';

/** Name of our MutatingWebhookConfiguration; the operator may write no other. */
export const WEBHOOK_NAME = 'federated-identity-injection';

export const CONFIGURATIONS: ResourceType = {
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'MutatingWebhookConfiguration',
  plural: 'mutatingwebhookconfigurations',
  namespaced: false,
};

interface Webhook {
  readonly clientConfig: { readonly caBundle?: string; readonly [field: string]: unknown };
  readonly [field: string]: unknown;
}

export interface WebhookConfiguration extends KubernetesResource {
  readonly webhooks?: readonly Webhook[];
}

/**
 * The certificates (PEM) by which API servers know each of the webhooks; an empty one for a webhook that `kubectl apply` has just
 * written from a manifest without them, as all of a new installation are, or one that an upgrade adds.
 */
export function bundlesOf({ webhooks = [] }: WebhookConfiguration): readonly string[] {
  return webhooks.map(({ clientConfig }) => Buffer.from(clientConfig.caBundle ?? '', 'base64').toString());
}

/**
 * A merge patch that gives all webhooks this bundle (PEM). Lists have no finer patch, so it repeats the rest of the list; the
 * resourceVersion makes it a conflict where anything changed meanwhile.
 */
export function withBundle({ metadata, webhooks = [] }: WebhookConfiguration, bundle: string): object {
  const caBundle = Buffer.from(bundle).toString('base64');
  return {
    metadata: { resourceVersion: metadata.resourceVersion },
    webhooks: webhooks.map((webhook) => ({ ...webhook, clientConfig: { ...webhook.clientConfig, caBundle } })),
  };
}
