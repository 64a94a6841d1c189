import * as z from 'zod';

/**
 * Every reason that a condition, Event or log line can carry. A closed list: each has one heading in
 * docs/troubleshooting.md, and a test compares the two.
 */
export const Reason = z.enum([
  'Succeeded',
  'ProgressingWithRetry',
  'Pending',
  'Suspended',
  'Deleting',
  'DeletionBlocked',
  'InSync',
  'DriftDetected',
  'DriftRepaired',
  'InvalidSpec',
  'ProviderNotFound',
  'ProviderNotReady',
  'PolicyNotAllowed',
  'RoleNotAllowed',
  'AudienceNotAllowed',
  'RoleNotOwned',
  'RoleMissing',
  'RoleOrphaned',
  'TrustPolicyMismatch',
  'AdoptionPending',
  'AdoptionRefused',
  'NamespaceNotAllowed',
  'TooManyIdentities',
  'ServiceAccountNotFound',
  'ServiceAccountConflict',
  'InvalidAnnotation',
  'IssuerMismatch',
  'IssuerNotPublic',
  'IssuerHasPort',
  'IssuerUnreachable',
  'IssuerNotChecked',
  'IssuerForbidden',
  'IssuerNotFound',
  'IssuerRedirects',
  'CertificateInvalid',
  'ThumbprintMismatch',
  'DiscoveryInvalid',
  'JwksUriNotPublic',
  'JwksInvalid',
  'JwksKeyMissing',
  'PublishConflict',
  'TooManyKeys',
  'BucketNotFound',
  'BucketRegionMismatch',
  'AudienceNotRegistered',
  'ProviderMissing',
  'CredentialsUnavailable',
  'CredentialsExpired',
  'ClockSkew',
  'WrongAccount',
  'AccessDenied',
  'QuotaExceeded',
  'PolicyInvalid',
  'Throttled',
  'AwsUnreachable',
  'AwsRequestFailed',
  'Propagating',
  'TokenRequestFailed',
  'TokenExchangeFailed',
  'KubernetesRequestFailed',
  'PodsNotInjected',
  'PodsStale',
  'NotInjected',
  'StaticCredentials',
  'InUse',
  'InternalError',
]);
export type Reason = z.infer<typeof Reason>;

/** metav1.Condition. `reason` is wider than Reason: another version of the operator may have written it. */
export const Condition = z.object({
  type: z.string().max(316).describe('Name of the condition, for example Ready.'),
  status: z.enum(['True', 'False', 'Unknown']).describe('Whether the condition holds.'),
  reason: z
    .string()
    .min(1)
    .max(128)
    .describe('Machine-readable cause; every value has a heading in docs/troubleshooting.md.'),
  message: z.string().max(1024).describe('What happened, to which object, and what to do next.'),
  lastTransitionTime: z.string().meta({ format: 'date-time' }).describe('When status last changed.'),
  observedGeneration: z.int().min(0).optional().describe('The metadata.generation that this condition speaks of.'),
});
export type Condition = z.infer<typeof Condition>;

/** A list keyed by type, so that server-side apply merges conditions one by one. */
export const Conditions = z
  .array(Condition)
  .max(16)
  .describe('Conditions in the style of kstatus: Ready sums up; Reconciling and Stalled are present only while True.')
  .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] });
