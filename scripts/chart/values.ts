// Every value of the chart: values.yaml, values.schema.json and the table of docs/helm.md are made from here.
import * as z from 'zod';
import { defaultAdmissionOptions } from '../../src/admission/options.ts';
import { SETTINGS } from '../../src/settings.ts';

/** A leaf is a schema with its default and its text; everything else groups them. */
export interface Values {
  readonly [name: string]: z.ZodType | Values;
}

const text = (pattern?: RegExp) => (pattern === undefined ? z.string() : z.string().regex(pattern)).default('');
const texts = (pattern?: RegExp) => z.array(pattern === undefined ? z.string() : z.string().regex(pattern)).default([]);
const port = (number: number) => z.int().min(1).max(65_535).default(number);
const on = z.boolean().default(true);
const off = z.boolean().default(false);
const map = z.record(z.string(), z.string()).default({});
/** What Kubernetes itself checks. */
const object = z.record(z.string(), z.unknown()).default({});
const objects = z.array(z.record(z.string(), z.unknown())).default([]);
const DNS_NAME = /^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$/;

/** These follow from other values, since other objects of the chart must say the same. */
const SET_ELSEWHERE = new Set([
  'namespace',
  'serviceAccount',
  'podName',
  'leaderElection',
  'injection',
  'mountPath',
  'annotationPrefix',
  'excludedNamespaces',
  'webhookService',
  'metricsBindAddress',
  'webhookBindAddress',
]);

/** Flags of `run`, without a default of the chart: what is not set is left to the operator. */
const settings = Object.fromEntries(
  Object.entries(SETTINGS)
    .filter(([name]) => !SET_ELSEWHERE.has(name))
    .map(([name, schema]) => [name, schema]),
);

const APPLICATION = {
  replicas: z.int().min(0).max(10).default(2).describe('Replicas. One leads, the others take over within seconds'),
  image: {
    repository: z
      .string()
      .min(1)
      .default('federated-identity-operator')
      .describe('Image without a tag, with its registry'),
    tag: text(/^[\w][\w.-]{0,127}$|^$/).describe("Tag; default: the chart's appVersion"),
    digest: text(/^(sha256:[0-9a-f]{64})?$/).describe(
      'Digest, sha256:…; it is what counts where it is set, and the tag is for the reader',
    ),
    pullPolicy: z
      .enum(['', 'Always', 'IfNotPresent', 'Never'])
      .default('')
      .describe('imagePullPolicy; default: that of Kubernetes'),
  },
  imagePullSecrets: z
    .array(z.strictObject({ name: z.string() }))
    .default([])
    .describe('Secrets for the registry, as in a pod: [{name: …}]'),
  crds: {
    enabled: on.describe('Whether the CRDs are part of the release; off where somebody else installs them'),
    keep: on.describe('Keeps the CRDs, and so all identities and their roles, when the release is uninstalled'),
    guard: on.describe(
      'Whether the API server refuses to delete the CRDs without the annotation federatedidentity.dev/allow-deletion; crds.keep=false sets it',
    ),
  },
  injection: {
    mode: z
      .enum(['auto', 'policy', 'webhook'])
      .default('auto')
      .describe(
        'Who injects pods: policy is the API server (Kubernetes 1.36), webhook is the operator (1.30 and later); auto asks the cluster. Fix it where the chart is rendered without a cluster',
      ),
    mountPath: z
      .string()
      .regex(/^\/[^:\s]*[^:\s/]$/)
      .default(defaultAdmissionOptions.mountPath)
      .describe('Folder of the token in a container'),
    annotationPrefix: z
      .string()
      .regex(DNS_NAME)
      .default(defaultAdmissionOptions.annotationPrefix)
      .describe('Domain of the annotations of ServiceAccounts and pods, such as role-arn'),
    excludedNamespaces: texts(DNS_NAME).describe(
      "Namespaces whose pods are never injected; kube-system and the release's own always are",
    ),
    tokenAudiences: z
      .array(z.string().regex(/^[!-~]+$/))
      .min(1)
      .default([...defaultAdmissionOptions.tokenAudiences])
      .describe('Audiences that the operator may request tokens for: the client ids of all AwsOidcProviders'),
  },
  settings,
  shards: z
    .array(
      z.strictObject({
        name: z.string().regex(/^[a-z0-9]([-a-z0-9]{0,18}[a-z0-9])?$/),
        providerSelector: z.string().min(1),
      }),
    )
    .default([])
    .describe(
      'Further Deployments, each for a part of the AwsOidcProviders: [{name: …, providerSelector: …}]. settings.providerSelector says what is left for the first one',
    ),
  aws: {
    webIdentity: on.describe(
      "Gives the operator a token of its own ServiceAccount for AWS; off where it has another login (EKS Pod Identity, a node's role, extraEnv)",
    ),
    roleArn: text(/^(arn:aws[a-z-]*:iam::[0-9]{12}:role\/[!-~]+)?$/).describe(
      "The operator's own role, which `kubectl aws-identity bootstrap` makes; default: AWS_ROLE_ARN of the ConfigMap federated-identity-operator-aws, if there is one",
    ),
    region: text(/^[a-z0-9-]*$/).describe('Region of its calls to STS; default: AWS_REGION of that ConfigMap'),
    tokenAudience: z.string().min(1).default('sts.amazonaws.com').describe('Audience of that token'),
    tokenExpirationSeconds: z
      .int()
      .min(600)
      .max(86_400)
      .default(3600)
      .describe('Life of that token; the kubelet renews it'),
  },
  defaultProvider: {
    create: off.describe(
      'Whether an AwsOidcProvider is part of the release. It is kept when the release is uninstalled',
    ),
    name: z
      .string()
      .regex(DNS_NAME)
      .default('default')
      .describe('Its name; identities that name no provider use `default`'),
    render: z
      .enum(['auto', 'hook', 'plain'])
      .default('auto')
      .describe(
        'How: hook makes it after the CRDs, in the first install; plain is an object like any other; auto is plain where the cluster has the CRDs. Take plain for kubectl apply and Argo CD',
      ),
    spec: object.describe('Its spec; accountId and region are required'),
  },
};

const POD = {
  serviceAccount: {
    annotations: map.describe('Annotations of the ServiceAccount, such as eks.amazonaws.com/role-arn'),
  },
  extraEnv: objects.describe('Environment variables of the operator, as in a container'),
  extraEnvFrom: objects.describe('ConfigMaps and Secrets with environment variables, as in a container'),
  extraVolumes: objects.describe('Volumes, as in a pod'),
  extraVolumeMounts: objects.describe('Mounts, as in a container'),
  caBundle: {
    configMap: text().describe(
      "ConfigMap of this namespace with certificate authorities (PEM) that are trusted beside the public ones: a proxy's, or that of a private issuer",
    ),
    key: z.string().min(1).default('ca-bundle.crt').describe('Its key'),
  },
  proxy: {
    https: text().describe(
      'Proxy for calls to AWS, http://HOST:PORT; the check of an issuer uses none, as AWS uses none',
    ),
    exceptions: text().describe('Hosts that are called without it, commas between'),
  },
  commonLabels: map.describe('Labels of every object'),
  podAnnotations: map.describe('Annotations of the pods'),
  podLabels: map.describe('Labels of the pods'),
  resources: z
    .strictObject({ requests: z.record(z.string(), z.unknown()), limits: z.record(z.string(), z.unknown()) })
    .partial()
    .default({ requests: { cpu: '20m', memory: '128Mi' }, limits: { memory: '384Mi' } })
    .describe('CPU and memory'),
  nodeSelector: map.describe('Nodes, as in a pod'),
  tolerations: objects.describe('Tolerations, as in a pod'),
  affinity: object.describe('Affinity, as in a pod'),
  topologySpreadConstraints: objects
    .default([
      { topologyKey: 'kubernetes.io/hostname', maxSkew: 1, whenUnsatisfiable: 'ScheduleAnyway' },
      { topologyKey: 'topology.kubernetes.io/zone', maxSkew: 1, whenUnsatisfiable: 'ScheduleAnyway' },
    ])
    .describe("Spread of the replicas, as in a pod; without a labelSelector it is the Deployment's"),
  priorityClassName: text().describe('Such as system-cluster-critical'),
  terminationGracePeriodSeconds: z
    .int()
    .min(1)
    .max(3600)
    .default(30)
    .describe('Must be longer than settings.shutdownGrace and settings.webhookDrain together'),
  podDisruptionBudget: {
    enabled: on.describe('Whether a PodDisruptionBudget keeps a replica while nodes are drained'),
    maxUnavailable: z
      .union([z.int().min(0), z.string().regex(/^[0-9]{1,3}%$/)])
      .default(1)
      .describe('Replicas that may be missing at a time'),
  },
};

const NETWORK = {
  networkPolicy: {
    enabled: on.describe('Whether a NetworkPolicy closes all ports but metrics and, in webhook mode, the webhook'),
    metricsFrom: objects.describe(
      'Who may reach the metrics port, as `from` of a NetworkPolicy; default: everybody. Kubelets always may',
    ),
    webhookFrom: objects.describe(
      'Who may reach the webhook, as `from` of a NetworkPolicy: the addresses of the API servers. Default: everybody, as a chart cannot know them',
    ),
    egress: {
      enabled: off.describe('Whether it also limits what the operator calls: DNS, and the ports below'),
      ports: z
        .array(z.int().min(1).max(65_535))
        .min(1)
        .default([443, 6443])
        .describe('TCP ports of AWS, issuers and the API server'),
      extra: objects.describe('Further `egress` rules, such as a proxy'),
    },
  },
  service: {
    ipFamilyPolicy: z
      .enum(['', 'SingleStack', 'PreferDualStack', 'RequireDualStack'])
      .default('')
      .describe("Of the Services; default: the cluster's. The operator listens on IPv4 and IPv6"),
    ipFamilies: z
      .array(z.enum(['IPv4', 'IPv6']))
      .max(2)
      .default([])
      .describe('Of the Services'),
  },
  webhook: { port: port(9443).describe('Port of the webhook in the pod') },
  metrics: {
    port: port(8080).describe('Port of /metrics, /healthz and /readyz in the pod'),
    service: off.describe('Whether a headless Service shows the metrics port; a ServiceMonitor brings it along'),
    serviceMonitor: {
      enabled: off.describe('Whether the Prometheus operator is told to scrape'),
      interval: text(/^([0-9]+(ms|s|m|h))*$/).describe("Of scrapes; default: Prometheus' own"),
      labels: map.describe('Labels by which your Prometheus selects ServiceMonitors'),
    },
    prometheusRule: {
      enabled: off.describe('Whether the alerts are installed for the Prometheus operator'),
      labels: map.describe('Labels by which your Prometheus selects rules'),
      runbooks: text(/^(https?:\/\/[!-~]*[^/])?$/).describe(
        'Where you publish docs/, without a slash at the end: the runbooks that the alerts link to',
      ),
    },
    dashboard: {
      enabled: off.describe("Whether a ConfigMap with the dashboard is made for Grafana's sidecar"),
      labels: z
        .record(z.string(), z.string())
        .default({ grafana_dashboard: '1' })
        .describe('Labels by which the sidecar selects ConfigMaps'),
      annotations: map.describe('Annotations of it, such as the folder'),
      namespace: text().describe("Its namespace; default: the release's"),
    },
  },
};

export const VALUES: Values = { ...APPLICATION, ...POD, ...NETWORK };
