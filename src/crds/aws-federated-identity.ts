import * as z from 'zod';
import { PolicyArn, RoleArn, RoleName } from '../iam/arn.ts';
import { Audience, Tags } from './aws-oidc-provider.ts';
import { Conditions } from './condition.ts';
import { type Kind, rules } from './manifest.ts';

/** A DNS-1123 subdomain: the names of ServiceAccounts and of cluster-scoped objects. */
const ObjectName = z
  .string()
  .min(1)
  .max(253)
  .regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/);

const InlinePolicy = z
  .object({
    name: z
      .string()
      .min(1)
      .max(128)
      .regex(/^[\w+=,.@-]+$/)
      .describe('Name of the inline policy within the role, up to 128 characters.'),
    document: z
      .unknown()
      .describe(
        'The policy document, as an object or as a string of JSON. All inline policies of a role together: 10 240 characters without white space.',
      )
      .meta({ 'x-kubernetes-preserve-unknown-fields': true }),
  })
  .describe('One inline policy.');

const Role = z
  .object({
    name: RoleName.optional().describe(
      'Name of the IAM role, 1 to 64 characters. Immutable. Default: <namespace>-<name>-<hash>, which no other cluster can have.',
    ),
    description: z
      .string()
      .max(1000)
      .regex(/^[\t\n\r\x20-\x7e\xa1-\xff]*$/)
      .optional()
      .describe('Description of the role in IAM, up to 1000 characters of Latin-1.'),
    managedPolicyArns: z
      .array(PolicyArn)
      .max(25)
      .optional()
      .describe(
        "ARNs of managed policies to attach. Others are detached. The provider's guardrails say which are allowed.",
      )
      .meta({ 'x-kubernetes-list-type': 'set' }),
    inlinePolicies: z
      .array(InlinePolicy)
      .max(20)
      .optional()
      .describe('Inline policies. Others are deleted. Need guardrails.inlinePolicies: Allow at the provider.')
      .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] }),
    permissionsBoundaryArn: PolicyArn.optional().describe(
      'Permissions boundary of the role. Where the provider forces one, it must be the same or absent.',
    ),
    maxSessionDurationSeconds: z
      .int()
      .min(3600)
      .max(43200)
      .optional()
      .describe("Longest session in seconds, 3600 to 43200. Default: the provider's roleDefaults."),
    tags: Tags.optional(),
  })
  .describe('The IAM role that pods of the ServiceAccount get credentials of.');

export const AwsFederatedIdentitySpec = z
  .object({
    providerRef: z
      .object({ name: ObjectName.describe('Name of an AwsOidcProvider.') })
      .default({ name: 'default' })
      .describe('The AwsOidcProvider whose account holds the role. Immutable. Default: the one named "default".')
      .meta(
        rules({
          rule: 'self.name == oldSelf.name',
          message: 'providerRef.name is immutable: create another AwsFederatedIdentity',
        }),
      ),
    serviceAccount: z
      .object({
        name: ObjectName.describe('Name of the ServiceAccount in the namespace of this object. Immutable.').meta(
          rules({
            rule: 'self == oldSelf',
            message: 'serviceAccount.name is immutable: create another AwsFederatedIdentity',
          }),
        ),
        create: z
          .boolean()
          .default(true)
          .describe(
            'Create the ServiceAccount where it is missing (default true). One that exists is annotated, and never deleted.',
          ),
      })
      .describe('The only ServiceAccount that may assume the role.'),
    role: Role.optional(),
    audience: Audience.default('sts.amazonaws.com').describe(
      "Audience of the pods' tokens. Default sts.amazonaws.com. Must be one of the provider's clientIds.",
    ),
    tokenExpirationSeconds: z
      .int()
      .min(600)
      .max(86400)
      .default(86400)
      .describe("Life of the pods' tokens in seconds, 600 to 86400 (default); the kubelet renews them in time.")
      .meta(
        rules({
          rule: 'self != 3607',
          message: '3607 is the value that API servers take for "extend to a year": choose another',
        }),
      ),
    managementPolicy: z
      .enum(['Manage', 'Observe'])
      .default('Manage')
      .describe(
        'Manage (default) creates the role and repairs drift. Observe reports drift in status and writes nothing to AWS.',
      ),
    deletionPolicy: z
      .enum(['Delete', 'Retain'])
      .default('Delete')
      .describe('Whether the IAM role goes (Delete, default) or stays (Retain) when this object is deleted.'),
    adopt: z
      .object({
        roleId: z
          .string()
          .min(16)
          .max(128)
          .regex(/^AROA[A-Z0-9]+$/)
          .describe(
            'Unique id (AROA…) of the role, which nobody can take again. The name alone would be guessed too easily.',
          ),
      })
      .optional()
      .describe(
        "Takes over the existing role of role.name, where the provider's guardrails allow it. What will change is shown in status.drift before the first write.",
      ),
    suspend: z
      .boolean()
      .default(false)
      .describe('True stops every write to AWS for this object, except its deletion. Default false.'),
  })
  .describe('What the owner of a workload asks for.')
  .meta(
    rules({
      rule: "(has(self.role) && has(self.role.name) ? self.role.name : '') == (has(oldSelf.role) && has(oldSelf.role.name) ? oldSelf.role.name : '')",
      message: 'role.name is immutable: create another AwsFederatedIdentity',
    }),
  );
export type AwsFederatedIdentitySpec = z.output<typeof AwsFederatedIdentitySpec>;

export const Drift = z.object({
  path: z.string().max(256).describe('Field of spec.role that differs, for example role.managedPolicyArns.'),
  want: z.string().max(256).describe('What the spec says, cut to 256 characters.'),
  have: z.string().max(256).describe('What AWS has, cut to 256 characters.'),
});
export type Drift = z.output<typeof Drift>;

export const PodCounts = z
  .object({
    bound: z.int().min(0).describe('Pods of the ServiceAccount that have not ended and did not opt out.'),
    notInjected: z
      .int()
      .min(0)
      .describe('Those of them that run without the role, mostly since they are older than its binding.'),
    stale: z.int().min(0).describe('Those of them that were injected with another role than new pods get.'),
  })
  .describe(
    'The running pods of the ServiceAccount. Told at once when notInjected or stale changes; bound alone at most twice in ten minutes.',
  );
export type PodCounts = z.output<typeof PodCounts>;

export const AwsFederatedIdentityStatus = z
  .object({
    observedGeneration: z
      .int()
      .min(-1)
      .optional()
      .describe('The metadata.generation that this status speaks of; -1 before the first look.'),
    roleArn: RoleArn.optional().describe('ARN of the IAM role.'),
    roleId: z
      .string()
      .max(128)
      .optional()
      .describe('Unique id of the IAM role (AROA…): a role made anew under the same name has another.'),
    serviceAccount: z.string().max(253).optional().describe('The ServiceAccount that is bound.'),
    tagKeys: z
      .array(z.string().max(128))
      .max(50)
      .optional()
      .describe(
        'Keys of the tags that came from this object and its provider, so that one taken out of the spec is removed from the role.',
      )
      .meta({ 'x-kubernetes-list-type': 'set' }),
    lastSyncTime: z
      .string()
      .optional()
      .describe('When the operator last changed something in AWS for this object.')
      .meta({ format: 'date-time' }),
    lastVerifiedTime: z
      .string()
      .optional()
      .describe('When a token was first exchanged for credentials of the role as it is now.')
      .meta({ format: 'date-time' }),
    lastHandledReconcileAt: z
      .string()
      .max(128)
      .optional()
      .describe(
        'The last value of the annotation federatedidentity.dev/requestedAt (or of that of Flux) that was answered by a look at AWS.',
      ),
    driftCount: z.int().min(0).optional().describe('Number of differences between AWS and the spec.'),
    drift: z
      .array(Drift)
      .max(20)
      .optional()
      .describe('The differences between AWS and the spec, at most 20.')
      .meta({ 'x-kubernetes-list-type': 'atomic' }),
    pods: PodCounts.optional(),
    conditions: Conditions.optional(),
  })
  .describe('What the operator found and did; written by it alone.');
export type AwsFederatedIdentityStatus = z.output<typeof AwsFederatedIdentityStatus>;

export const AwsFederatedIdentityKind: Kind = {
  kind: 'AwsFederatedIdentity',
  plural: 'awsfederatedidentities',
  shortNames: ['afi'],
  scope: 'Namespaced',
  description:
    'An IAM role for the pods of one ServiceAccount: the role, its trust policy, the ServiceAccount and the proof that it works. Written by the owner of the workload.',
  spec: AwsFederatedIdentitySpec,
  status: AwsFederatedIdentityStatus,
  selectableFields: ['.spec.providerRef.name', '.spec.serviceAccount.name'],
  columns: [
    {
      name: 'Ready',
      type: 'string',
      jsonPath: ".status.conditions[?(@.type=='Ready')].status",
      description: 'Whether a pod started now gets working credentials.',
    },
    { name: 'Status', type: 'string', jsonPath: ".status.conditions[?(@.type=='Ready')].reason", description: 'Why.' },
    {
      name: 'Drift',
      type: 'integer',
      jsonPath: '.status.driftCount',
      description: 'Differences between AWS and the spec.',
    },
    { name: 'Role', type: 'string', jsonPath: '.status.roleArn', description: 'IAM role.' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'Time since creation.' },
    {
      name: 'Provider',
      type: 'string',
      jsonPath: '.spec.providerRef.name',
      description: 'AwsOidcProvider.',
      priority: 1,
    },
    {
      name: 'ServiceAccount',
      type: 'string',
      jsonPath: '.spec.serviceAccount.name',
      description: 'ServiceAccount.',
      priority: 1,
    },
    {
      name: 'NotInjected',
      type: 'integer',
      jsonPath: '.status.pods.notInjected',
      description: 'Running pods without the role.',
      priority: 1,
    },
    {
      name: 'Stale',
      type: 'integer',
      jsonPath: '.status.pods.stale',
      description: 'Running pods with an older role.',
      priority: 1,
    },
    {
      name: 'Verified',
      type: 'date',
      jsonPath: '.status.lastVerifiedTime',
      description: 'Time since the token exchange.',
      priority: 1,
    },
    {
      name: 'Message',
      type: 'string',
      jsonPath: ".status.conditions[?(@.type=='Ready')].message",
      description: 'What to do.',
      priority: 1,
    },
  ],
};
