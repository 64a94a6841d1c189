import * as z from 'zod';
import { AccountId, IssuerUrl, OidcProviderArn, Partition, PolicyArn, RoleArn, RolePath } from '../iam/arn.ts';
import { Conditions } from './condition.ts';
import { type Kind, rules } from './manifest.ts';
import { Publish, Region } from './publish.ts';

const KEY_LENGTH_RULE = {
  rule: 'self.all(key, size(key) >= 1 && size(key) <= 128)',
  message: 'a tag key has 1 to 128 characters: choose another key',
};

/** In any case: to IAM, keys that differ only in case are one key, and the last writer has it. */
const RESERVED_TAG_RULE = {
  rule: "self.all(key, !key.lowerAscii().startsWith('federatedidentity.dev/') && !key.lowerAscii().startsWith('aws:'))",
  message: "tag keys beginning with 'federatedidentity.dev/' or 'aws:' are reserved: choose another key",
};

/** Tags for IAM objects: at most 40 of AWS's 50, so that the operator's own always fit. */
export const Tags = z
  .record(z.string().max(128), z.string().max(256))
  .describe('Tags as key: value. At most 40; keys up to 128 and values up to 256 characters. Tags set by others stay.')
  .meta({ maxProperties: 40, ...rules(KEY_LENGTH_RULE, RESERVED_TAG_RULE) });

/** The `aud` of a token; registered at AWS as a client id. */
export const Audience = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[!-~]+$/);

const MaxSession = z.int().min(3600).max(43200);

const LabelKey = z.string().min(1).max(317);
const LabelValue = z.string().max(63);

const LabelSelector = z
  .object({
    matchLabels: z
      .record(LabelKey, LabelValue)
      .optional()
      .describe('Labels that a namespace must have, as key: value.')
      .meta({ maxProperties: 20 }),
    matchExpressions: z
      .array(
        z.object({
          key: LabelKey.describe('Key of the label.'),
          operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']).describe('How key and values relate.'),
          values: z
            .array(LabelValue)
            .max(50)
            .optional()
            .describe('Values for In and NotIn.')
            .meta({ 'x-kubernetes-list-type': 'atomic' }),
        }),
      )
      .max(20)
      .optional()
      .describe('Conditions on the labels of a namespace; all must hold.')
      .meta({ 'x-kubernetes-list-type': 'atomic' }),
  })
  .describe('A selector of namespaces by their labels, as in a NetworkPolicy. Empty: every namespace.');
export type LabelSelector = z.output<typeof LabelSelector>;

const Guardrails = z
  .object({
    namespaceSelector: LabelSelector.optional().describe(
      'Namespaces whose identities may refer to this provider, by their labels. Absent: every namespace.',
    ),
    maxIdentitiesPerNamespace: z
      .int()
      .min(0)
      .max(10000)
      .default(100)
      .describe('Most identities of one namespace, the oldest first. Default 100.'),
    adoption: z
      .enum(['Allow', 'Deny'])
      .default('Deny')
      .describe('Whether identities may take over roles that exist (spec.adopt). Default Deny.'),
    managedPolicyArns: z
      .array(
        z
          .string()
          .min(1)
          .max(2048)
          .regex(/^[\w+=,.@/:*-]+$/),
      )
      .max(100)
      .optional()
      .describe(
        'Managed policies that identities may attach, as ARNs in which * stands for any characters, for example ' +
          '"arn:aws:iam::aws:policy/AmazonS3*". Absent or empty: none. ["*"]: any, which makes every author of an identity an administrator of the account.',
      )
      .meta({ 'x-kubernetes-list-type': 'set' }),
    inlinePolicies: z
      .enum(['Allow', 'Deny'])
      .default('Deny')
      .describe(
        'Whether identities may carry inline policies. Default Deny, since an inline policy can grant anything.',
      ),
    permissionsBoundaryArn: PolicyArn.optional().describe(
      'Permissions boundary that every role gets, whatever the identity says. Strongly advised: it is the upper limit of what a tenant can obtain.',
    ),
    rolePath: RolePath.optional().describe(
      'Every role lies under this IAM path, for example /federated/. Limit the operator in IAM to the same path.',
    ),
    roleNamePrefix: z
      .string()
      .max(32)
      .regex(/^[\w+=,.@-]*$/)
      .optional()
      .describe('An explicit role name (spec.role.name of an identity) must begin with this.'),
    maxSessionDurationSeconds: MaxSession.optional().describe(
      'Longest session that an identity may ask for, in seconds, 3600 to 43200.',
    ),
  })
  .describe('What the authors of identities may ask for. Secure by default: nothing that is not named here.');

export const AwsOidcProviderSpec = z
  .object({
    accountId: AccountId.describe(
      'The 12 digits of the AWS account. Immutable. Writes are refused while the operator holds credentials of another account.',
    ).meta(
      rules({
        rule: 'self == oldSelf',
        message: 'accountId is immutable: create another AwsOidcProvider for another account',
      }),
    ),
    region: Region.describe(
      'AWS region, for example eu-west-1: the STS endpoint that pods and the operator use, and AWS_REGION of injected pods.',
    ),
    assumeRole: z
      .object({
        roleArn: RoleArn.describe(
          'Role to assume, in the account of accountId. Its trust policy must name the operator.',
        ),
        externalId: z
          .string()
          .min(2)
          .max(1224)
          .regex(/^[\w+=,.@:/-]+$/)
          .optional()
          .describe('ExternalId that the trust policy of that role demands, 2 to 1224 characters. Not a secret.'),
      })
      .optional()
      .describe(
        'Role that the operator assumes for this account, so that one operator serves many. Absent: its own credentials.',
      ),
    issuer: z
      .object({
        url: IssuerUrl.optional().describe(
          "The cluster's issuer, byte for byte. Default: the `iss` of a token that the API server mints, which is always right.",
        ),
        check: z
          .enum(['Public', 'Skip'])
          .default('Public')
          .describe(
            'Public (default) fetches discovery document and JWKS without credentials, as AWS does, and is not ready while AWS could not use them. Skip leaves it to AWS alone, for a cluster that cannot reach its own issuer.',
          ),
        alsoTrusted: z
          .array(IssuerUrl)
          .max(2)
          .optional()
          .describe(
            'Other issuers of this cluster whose tokens its roles trust while the issuer changes, at most 2. Their OIDC providers must be in the account; the operator makes only that of the issuer. Default: none.',
          )
          .meta({ 'x-kubernetes-list-type': 'set' }),
        publish: Publish.optional(),
      })
      .optional()
      .describe('The OIDC issuer of this cluster, as AWS must see it.'),
    clientIds: z
      .array(Audience)
      .min(1)
      .max(100)
      .default(['sts.amazonaws.com'])
      .describe('Audiences that AWS accepts in tokens. Default: sts.amazonaws.com.')
      .meta({ 'x-kubernetes-list-type': 'set' }),
    thumbprints: z
      .array(z.string().regex(/^[0-9a-fA-F]{40}$/))
      .min(1)
      .max(5)
      .optional()
      .describe(
        'SHA-1 thumbprints of certificates, 40 hex digits each. Leave out, unless the issuer uses a private certificate authority: IAM finds them itself.',
      )
      .meta({ 'x-kubernetes-list-type': 'set' }),
    managementPolicy: z
      .enum(['Manage', 'Observe'])
      .default('Manage')
      .describe('Manage (default) creates and repairs the OIDC provider in IAM. Observe only reads and reports.'),
    deletionPolicy: z
      .enum(['Retain', 'Delete'])
      .default('Retain')
      .describe(
        'Whether the OIDC provider in IAM stays (Retain, default) or goes (Delete) with this object. One that existed before always stays.',
      ),
    roleDefaults: z
      .object({
        path: RolePath.default('/federated/' as RolePath).describe(
          'IAM path of new roles. Default /federated/. Roles that exist keep theirs.',
        ),
        maxSessionDurationSeconds: MaxSession.default(3600).describe(
          'Longest session in seconds where the identity says nothing. Default 3600.',
        ),
        tags: Tags.optional().describe('Tags that every role gets; those of the identity win.'),
      })
      .optional()
      .describe('What roles get where the identity says nothing.'),
    guardrails: Guardrails.optional(),
  })
  .describe('What the platform team decides for one AWS account.')
  .meta(
    rules({
      rule: "(has(self.issuer) && has(self.issuer.url) ? self.issuer.url : '') == (has(oldSelf.issuer) && has(oldSelf.issuer.url) ? oldSelf.issuer.url : '')",
      message: 'issuer.url is immutable: another issuer is another OIDC provider; create another AwsOidcProvider',
    }),
  );
export type AwsOidcProviderSpec = z.output<typeof AwsOidcProviderSpec>;

export const AwsOidcProviderStatus = z
  .object({
    observedGeneration: z
      .int()
      .min(-1)
      .optional()
      .describe('The metadata.generation that this status speaks of; -1 before the first look.'),
    arn: OidcProviderArn.optional().describe('ARN of the OIDC provider in IAM.'),
    issuer: IssuerUrl.optional().describe('The issuer, as found in a token of this API server.'),
    accountId: AccountId.optional().describe('The account that the credentials of the operator belong to.'),
    partition: Partition.optional().describe(
      'AWS partition, for example aws or aws-cn; taken from the ARN of the caller.',
    ),
    thumbprints: z
      .array(z.string().max(40))
      .max(5)
      .optional()
      .describe('Thumbprints that IAM holds.')
      .meta({ 'x-kubernetes-list-type': 'atomic' }),
    jwksKeyIds: z
      .array(z.string().max(256))
      .max(20)
      .optional()
      .describe('Key ids (kid) that the issuer publishes, at most 20, as the check of the issuer found them.')
      .meta({ 'x-kubernetes-list-type': 'atomic' }),
    identities: z
      .int()
      .min(0)
      .optional()
      .describe('Number of AwsFederatedIdentity objects that refer to this provider.'),
    lastHandledReconcileAt: z
      .string()
      .max(128)
      .optional()
      .describe(
        'The last value of the annotation federatedidentity.dev/requestedAt (or of that of Flux) that was answered by a look at AWS.',
      ),
    conditions: Conditions.optional(),
  })
  .describe('What the operator found and did; written by it alone.');
export type AwsOidcProviderStatus = z.output<typeof AwsOidcProviderStatus>;

export const AwsOidcProviderKind: Kind = {
  kind: 'AwsOidcProvider',
  plural: 'awsoidcproviders',
  shortNames: ['aop'],
  scope: 'Cluster',
  description:
    "Registers this cluster's OIDC issuer in one AWS account, and says what the authors of AwsFederatedIdentity objects may ask for there. Written by the platform team.",
  spec: AwsOidcProviderSpec,
  status: AwsOidcProviderStatus,
  columns: [
    {
      name: 'Ready',
      type: 'string',
      jsonPath: ".status.conditions[?(@.type=='Ready')].status",
      description: 'Whether identities can use it.',
    },
    { name: 'Status', type: 'string', jsonPath: ".status.conditions[?(@.type=='Ready')].reason", description: 'Why.' },
    { name: 'Issuer', type: 'string', jsonPath: '.status.issuer', description: "The cluster's issuer." },
    { name: 'Account', type: 'string', jsonPath: '.spec.accountId', description: 'AWS account.' },
    {
      name: 'Identities',
      type: 'integer',
      jsonPath: '.status.identities',
      description: 'Identities that refer to it.',
    },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'Time since creation.' },
    { name: 'Arn', type: 'string', jsonPath: '.status.arn', description: 'OIDC provider in IAM.', priority: 1 },
    {
      name: 'Message',
      type: 'string',
      jsonPath: ".status.conditions[?(@.type=='Ready')].message",
      description: 'What to do.',
      priority: 1,
    },
  ],
};
