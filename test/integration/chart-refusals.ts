import { old } from './chart-cases.ts';

/** What is refused before anything reaches the cluster, and a part of the reason. */
export const REFUSED: readonly {
  readonly name: string;
  readonly values: object;
  readonly reason: string;
  readonly capabilities?: readonly string[];
}[] = [
  { name: 'a misspelt key', values: { replica: 3 }, reason: "'replica' not allowed" },
  { name: 'a misspelt key within a group', values: { image: { repositry: 'x' } }, reason: "'repositry' not allowed" },
  {
    name: 'a setting that the operator does not know',
    values: { settings: { loglevel: 'info' } },
    reason: "'loglevel' not allowed",
  },
  {
    name: 'a setting that another value decides',
    values: { settings: { injection: 'webhook' } },
    reason: "'injection' not allowed",
  },
  { name: 'a mode that is none', values: { injection: { mode: 'sidecar' } }, reason: '/injection/mode' },
  {
    name: 'policies before 1.36',
    values: { injection: { mode: 'policy' } },
    capabilities: old('1.35.2'),
    reason:
      'injection.mode is policy, which needs Kubernetes 1.36 or newer, and this is v1.35.2: set injection.mode to auto or webhook',
  },
  { name: 'Kubernetes 1.29', values: {}, capabilities: old('1.29.9'), reason: 'requires kubeVersion' },
  { name: 'a log level that is none', values: { settings: { logLevel: 'loud' } }, reason: '/settings/logLevel' },
  { name: 'no concurrency', values: { settings: { concurrency: 0 } }, reason: '/settings/concurrency' },
  { name: 'a number as text', values: { settings: { concurrency: '8' } }, reason: '/settings/concurrency' },
  { name: 'replicas below none', values: { replicas: -1 }, reason: '/replicas' },
  { name: 'a digest without its algorithm', values: { image: { digest: 'abcdef' } }, reason: '/image/digest' },
  { name: 'a pull policy that is none', values: { image: { pullPolicy: 'Sometimes' } }, reason: '/image/pullPolicy' },
  { name: 'a role that is no ARN', values: { aws: { roleArn: 'operator' } }, reason: '/aws/roleArn' },
  {
    name: 'a token that lives too short',
    values: { aws: { tokenExpirationSeconds: 60 } },
    reason: '/aws/tokenExpirationSeconds',
  },
  { name: 'a relative mount path', values: { injection: { mountPath: 'var/run' } }, reason: '/injection/mountPath' },
  {
    name: 'a namespace that is none',
    values: { injection: { excludedNamespaces: ['Kube System'] } },
    reason: '/injection/excludedNamespaces',
  },
  { name: 'no audience', values: { injection: { tokenAudiences: [] } }, reason: '/injection/tokenAudiences' },
  { name: 'a port that is none', values: { webhook: { port: 70_000 } }, reason: '/webhook/port' },
  { name: 'a list where a map belongs', values: { nodeSelector: ['linux'] }, reason: '/nodeSelector' },
  { name: 'an IP family that is none', values: { service: { ipFamilies: ['IPv5'] } }, reason: '/service/ipFamilies' },
  { name: 'pull secrets by name alone', values: { imagePullSecrets: ['registry'] }, reason: '/imagePullSecrets' },
  {
    name: 'shards beside a Deployment for everything',
    values: { shards: [{ name: 'prod', providerSelector: 'shard=prod' }] },
    reason: 'settings.providerSelector is required where there are shards',
  },
  {
    name: 'a default provider without an account',
    values: { defaultProvider: { create: true, spec: { region: 'eu-west-1' } } },
    reason: 'defaultProvider.spec.accountId is required when defaultProvider.create is true',
  },
];
