import { FLAGS } from '../../src/settings.ts';
import { NEW_CLUSTER } from '../support/helm.ts';

/** What somebody may choose, and what must be seen of it in the rendering. */
export interface ChartRow {
  readonly name: string;
  readonly values: object;
  /** Default: Kubernetes 1.36. */
  readonly capabilities?: readonly string[];
  /** Texts that are in the rendering, and that are not. */
  readonly has?: readonly string[];
  readonly hasNot?: readonly string[];
}

const policy = 'kind: MutatingAdmissionPolicy\n';
const CRD_GUARD = 'policyName: federated-identity-crd-guard\n';
const webhook = 'kind: MutatingWebhookConfiguration\n';
/** A cluster of a version, of which nothing else is known. */
export const old = (version: string): readonly string[] => [`--kube-version=${version}`];
const provider = { accountId: '111122223333', region: 'eu-west-1' };

/** Every flag of the operator that the chart leaves to `settings`, each with another value than its default. */
export const EVERY_SETTING = {
  logLevel: 'debug',
  verification: 'provider',
  resyncInterval: 900,
  verificationInterval: 7200,
  providerVerificationInterval: 600,
  providerSelector: 'shard in (a, b),!old',
  issuerConnectTo: 'oidc.example.com=10.0.0.1:443',
  consistencyWindow: 30,
  awsCallsPerSecond: 2.5,
  concurrency: 8,
  shutdownGrace: 3,
  defaultAudience: 'sts.amazonaws.com.cn',
  defaultTokenExpiration: 3600,
  defaultRegion: 'cn-north-1',
  webhookHosts: ['webhook.example.com', '10.0.0.2'],
  webhookCertificateLifetime: 3600,
  webhookLearningTime: 20,
  webhookDrain: 10,
} as const;

export const ROWS: readonly ChartRow[] = [
  {
    name: 'nothing',
    values: {},
    has: [
      policy,
      'kind: PodDisruptionBudget',
      'kind: NetworkPolicy',
      'helm.sh/resource-policy: keep',
      'replicas: 2',
      CRD_GUARD,
    ],
    hasNot: [
      webhook,
      'allow-deletion: "true"\n',
      'ServiceMonitor',
      'PrometheusRule',
      'kind: Service\n',
      'AWS_ROLE_ARN\n',
      'Egress',
    ],
  },
  {
    name: 'Kubernetes 1.35',
    values: {},
    capabilities: old('1.35.2'),
    has: [webhook, '--injection=webhook'],
    hasNot: [policy],
  },
  {
    name: 'Kubernetes 1.30',
    values: {},
    capabilities: old('1.30.14'),
    has: [webhook, 'kind: Service\n', CRD_GUARD],
    hasNot: [policy],
  },
  {
    name: 'Kubernetes 1.36 of a provider, with MutatingAdmissionPolicy turned off',
    values: {},
    capabilities: old('v1.36.1-gke.100'),
    has: [webhook],
    hasNot: [policy],
  },
  {
    name: 'the webhook on 1.36, from the API servers only',
    values: {
      injection: { mode: 'webhook' },
      networkPolicy: { webhookFrom: [{ ipBlock: { cidr: '10.0.0.0/28' } }] },
      webhook: { port: 10250 },
    },
    has: [webhook, 'cidr: 10.0.0.0/28', '--webhook-bind-address=:10250', 'containerPort: 10250'],
    hasNot: [policy],
  },
  {
    name: 'a fixed mode, rendered without a cluster',
    values: { injection: { mode: 'policy' } },
    capabilities: [],
    has: [policy],
    hasNot: [webhook, '--injection'],
  },
  {
    name: 'an injection of its own',
    values: {
      injection: {
        mountPath: '/var/run/secrets/aws',
        annotationPrefix: 'irsa.example.com',
        excludedNamespaces: ['monitoring', 'istio-system'],
        tokenAudiences: ['sts.amazonaws.com', 'sts.amazonaws.com.cn'],
      },
    },
    has: ['--mount-path=/var/run/secrets/aws', '--excluded-namespaces=monitoring,istio-system', '- istio-system\n'],
  },
  {
    name: 'every setting of the operator',
    values: { settings: EVERY_SETTING },
    has: FLAGS.filter(({ name }) => `${name}` in settingFlags()).map(({ name }) => `${name}=`),
  },
  {
    name: 'a role of its own and a default provider after the CRDs',
    values: {
      aws: { roleArn: 'arn:aws:iam::111122223333:role/federated-operator/operator', region: 'eu-west-1' },
      defaultProvider: { create: true, spec: { ...provider, guardrails: { inlinePolicies: 'Allow' } } },
    },
    has: ['kind: AwsOidcProvider', 'helm.sh/hook: post-install', 'name: AWS_ROLE_ARN\n', 'inlinePolicies: Allow'],
  },
  {
    name: 'a default provider in a cluster that knows the kind',
    values: { defaultProvider: { create: true, name: 'prod', spec: provider } },
    capabilities: [...NEW_CLUSTER, '--api-versions=federatedidentity.dev/v1alpha1/AwsOidcProvider'],
    has: ['kind: AwsOidcProvider\nmetadata:\n  name: prod\n'],
    hasNot: ['helm.sh/hook'],
  },
  {
    name: 'a default provider for Argo CD',
    values: { injection: { mode: 'policy' }, defaultProvider: { create: true, render: 'plain', spec: provider } },
    capabilities: old('1.36.0'),
    has: ['kind: AwsOidcProvider', policy],
    hasNot: ['helm.sh/hook'],
  },
  {
    name: 'another login to AWS',
    values: { aws: { webIdentity: false }, extraEnvFrom: [{ secretRef: { name: 'aws-keys' } }] },
    has: ['name: aws-keys'],
    hasNot: ['AWS_WEB_IDENTITY_TOKEN_FILE\n', 'aws-token', 'volumes:'],
  },
  {
    name: 'China, behind a proxy with its own authority',
    values: {
      aws: { tokenAudience: 'sts.amazonaws.com.cn', tokenExpirationSeconds: 7200, region: 'cn-north-1' },
      caBundle: { configMap: 'corporate-ca' },
      proxy: { https: 'http://proxy.example.com:3128', exceptions: '10.0.0.0/8,.svc' },
      extraEnv: [{ name: 'AWS_USE_FIPS_ENDPOINT', value: 'true' }],
    },
    has: [
      'audience: "sts.amazonaws.com.cn"',
      'HTTPS_PROXY',
      'NO_PROXY',
      'NODE_EXTRA_CA_CERTS',
      'AWS_USE_FIPS_ENDPOINT',
    ],
  },
  {
    name: 'a hardened network',
    values: {
      networkPolicy: {
        metricsFrom: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } }],
        egress: { enabled: true, ports: [443], extra: [{ to: [{ ipBlock: { cidr: '10.1.0.0/16' } }] }] },
      },
    },
    has: ['policyTypes: [Ingress, Egress]', 'kubernetes.io/metadata.name: monitoring', 'cidr: 10.1.0.0/16'],
  },
  {
    name: 'IPv6 only',
    values: {
      injection: { mode: 'webhook' },
      service: { ipFamilyPolicy: 'SingleStack', ipFamilies: ['IPv6'] },
      metrics: { service: true, port: 9100 },
    },
    has: ['ipFamilyPolicy: SingleStack', 'ipFamilies: ["IPv6"]', '--metrics-bind-address=:9100'],
  },
  {
    name: 'monitoring by the Prometheus operator',
    values: {
      metrics: {
        serviceMonitor: { enabled: true, interval: '30s', labels: { release: 'prometheus' } },
        prometheusRule: { enabled: true, labels: { release: 'prometheus' }, runbooks: 'https://wiki.example.org/fi' },
        dashboard: { enabled: true, annotations: { grafana_folder: 'Platform' } },
      },
    },
    hasNot: ['https://docs.example'],
    has: [
      'kind: ServiceMonitor',
      'kind: PrometheusRule',
      'runbook_url: https://wiki.example.org/fi/',
      'grafana_dashboard: "1"',
      'name: federated-identity-metrics',
    ],
  },
  {
    name: 'a mirrored image by digest, on chosen nodes',
    values: {
      replicas: 3,
      image: {
        repository: 'registry.example.com:5000/mirror/federated-identity-operator',
        tag: '0.1.0',
        digest: `sha256:${'0'.repeat(64)}`,
        pullPolicy: 'IfNotPresent',
      },
      imagePullSecrets: [{ name: 'registry' }],
      nodeSelector: { 'kubernetes.io/os': 'linux' },
      tolerations: [{ key: 'node-role.kubernetes.io/control-plane', operator: 'Exists' }],
      affinity: { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } },
      topologySpreadConstraints: [],
      priorityClassName: 'system-cluster-critical',
      resources: { limits: { cpu: '1', memory: '512Mi' } },
      podDisruptionBudget: { maxUnavailable: '50%' },
      terminationGracePeriodSeconds: 60,
    },
    has: [`0.1.0@sha256:${'0'.repeat(64)}`, 'priorityClassName: system-cluster-critical', 'name: registry'],
    hasNot: ['topologySpreadConstraints'],
  },
  {
    name: 'labels and annotations everywhere',
    values: {
      global: { region: 'a value of the chart that has this one as a part' },
      commonLabels: { team: 'platform' },
      podLabels: { 'sidecar.istio.io/inject': 'false' },
      podAnnotations: { 'prometheus.io/scrape': 'true' },
      serviceAccount: { annotations: { 'example.com/owner': 'platform' } },
      extraVolumes: [{ name: 'scratch', emptyDir: {} }],
      extraVolumeMounts: [{ name: 'scratch', mountPath: '/scratch' }],
    },
    has: ['team: platform', 'prometheus.io/scrape: "true"', 'example.com/owner: platform', 'mountPath: /scratch'],
  },
  {
    name: 'shards',
    values: {
      injection: { mode: 'webhook' },
      settings: { providerSelector: 'shard!=prod', concurrency: 16 },
      shards: [{ name: 'prod', providerSelector: 'shard=prod' }],
    },
    has: [
      '"--provider-selector=shard!=prod"',
      '"--provider-selector=shard=prod"',
      'name: federated-identity-operator-prod\n',
    ],
  },
  {
    name: 'a bare minimum',
    values: {
      replicas: 1,
      crds: { enabled: false },
      podDisruptionBudget: { enabled: false },
      networkPolicy: { enabled: false },
    },
    hasNot: ['CustomResourceDefinition', 'PodDisruptionBudget', 'NetworkPolicy'],
  },
  {
    name: 'CRDs that go with the release',
    values: { crds: { keep: false } },
    has: ['CustomResourceDefinition', 'federatedidentity.dev/allow-deletion: "true"\n', CRD_GUARD],
    hasNot: ['resource-policy'],
  },
  {
    name: 'CRDs without a guard',
    values: { crds: { guard: false } },
    has: ['helm.sh/resource-policy: keep', policy],
    hasNot: ['crd-guard'],
  },
];

function settingFlags(): Readonly<Record<string, true>> {
  const kebab = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return Object.fromEntries(Object.keys(EVERY_SETTING).map((name) => [`--${kebab(name)}`, true]));
}
