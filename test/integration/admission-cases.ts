import { RoleArn } from '../../src/iam/arn.ts';
import { pendingEntry, tableEntry } from '../../src/kube/injection-table.ts';
import { app, type Container, type ContainerFacts, type Facts, MOUNT_PATH, type Pod, pod } from './admission-pods.ts';

const ROLE_ARN = RoleArn.parse('arn:aws:iam::111122223333:role/federated/reports');
const DEFAULT_ROLE_ARN = RoleArn.parse('arn:aws:iam::111122223333:role/federated/default');

/** What the injection table says, by ServiceAccount. */
export const tableData: Readonly<Record<string, string>> = {
  reports: tableEntry({
    roleArn: ROLE_ARN,
    audience: 'sts.amazonaws.com',
    tokenExpirationSeconds: 43_200,
    region: 'eu-west-1',
  }),
  default: tableEntry({
    roleArn: DEFAULT_ROLE_ARN,
    audience: 'my-audience',
    tokenExpirationSeconds: 600,
    region: 'us-gov-west-1',
  }),
  unready: pendingEntry('nightly', 'ProviderNotFound'),
  'pending-alone': 'pending',
  'no-words': '',
  'three-words': `${ROLE_ARN} sts.amazonaws.com 600`,
  'five-words': `${ROLE_ARN} sts.amazonaws.com 600 eu-west-1 eu-west-1`,
  'two-spaces': `${ROLE_ARN}  sts.amazonaws.com 600 eu-west-1`,
  'a-duration': `${ROLE_ARN} sts.amazonaws.com 1h eu-west-1`,
  'no-role': 'reports sts.amazonaws.com 600 eu-west-1',
};

const regionEnv = { AWS_REGION: 'eu-west-1', AWS_DEFAULT_REGION: 'eu-west-1' };
const stsEnv = { AWS_STS_REGIONAL_ENDPOINTS: 'regional' };
const roleEnv = { AWS_ROLE_ARN: ROLE_ARN };
const fileEnv = { AWS_WEB_IDENTITY_TOKEN_FILE: `${MOUNT_PATH}/token` };
const webIdentityEnv = { ...roleEnv, ...fileEnv };
const allEnv = { ...webIdentityEnv, ...regionEnv, ...stsEnv };
const windowsEnv = {
  ...allEnv,
  AWS_WEB_IDENTITY_TOKEN_FILE: String.raw`C:\var\run\secrets\eks.amazonaws.com\serviceaccount\token`,
};
const mounts = [`aws-iam-token at ${MOUNT_PATH}, read-only`];
const token = { audience: 'sts.amazonaws.com', expirationSeconds: 43_200, path: 'token' };
/** A container that had no settings of its own, injected. */
export const injectedContainer = { env: allEnv, mounts };
export const untouchedContainer = { env: {}, mounts: [] };

const withApp = (container: Partial<Container>): Pod => pod({ containers: [{ ...app, ...container }] });
const appOnly = (facts: ContainerFacts): Facts => ({ token, containers: { app: facts } });
const annotated = (key: string, value: string): Pod => pod({ annotations: { [`eks.amazonaws.com/${key}`]: value } });
const expiring = (expirationSeconds: number): Facts => ({
  token: { ...token, expirationSeconds },
  containers: { app: injectedContainer },
});

export interface InjectionCase {
  readonly name: string;
  readonly pod: Pod;
  readonly expected: Facts;
}

const sidecar: Container = { name: 'sidecar', image: 'example.org/sidecar' };
const migrate: Container = { name: 'migrate', image: 'example.org/migrate' };

const whichPods: readonly InjectionCase[] = [
  {
    name: 'a container gets the token volume, its mount and the whole environment',
    pod: pod(),
    expected: appOnly(injectedContainer),
  },
  {
    name: 'every container and init container is injected',
    pod: pod({ containers: [app, sidecar], initContainers: [migrate] }),
    expected: { token, containers: { migrate: injectedContainer, app: injectedContainer, sidecar: injectedContainer } },
  },
  {
    name: 'a ServiceAccount named by the deprecated field counts',
    pod: pod({ serviceAccount: 'reports' }),
    expected: appOnly(injectedContainer),
  },
  {
    name: 'a pod that names no ServiceAccount gets the role of default, with its own audience and region',
    pod: pod({ serviceAccountName: '' }),
    expected: {
      token: { audience: 'my-audience', expirationSeconds: 600, path: 'token' },
      containers: {
        app: {
          mounts,
          env: {
            ...fileEnv,
            ...stsEnv,
            AWS_ROLE_ARN: DEFAULT_ROLE_ARN,
            AWS_REGION: 'us-gov-west-1',
            AWS_DEFAULT_REGION: 'us-gov-west-1',
          },
        },
      },
    },
  },
  {
    name: 'a pod with a generated name is injected, as those of ReplicaSets are',
    pod: pod({ generateName: 'app-' }),
    expected: appOnly(injectedContainer),
  },
  {
    name: 'a pod of a ServiceAccount that is not in the table is left alone',
    pod: pod({ serviceAccountName: 'other' }),
    expected: { token: undefined, containers: { app: untouchedContainer } },
  },
  {
    name: 'a pod that opted out is left alone',
    pod: pod({ annotations: { 'federatedidentity.dev/inject': 'false' } }),
    expected: { token: undefined, containers: { app: untouchedContainer } },
  },
  {
    name: 'only "false" opts out',
    pod: pod({ annotations: { 'federatedidentity.dev/inject': 'no' } }),
    expected: appOnly(injectedContainer),
  },
  {
    name: 'a mirror pod is left alone, since the API server refuses one with a token',
    pod: pod({ serviceAccountName: '', nodeName: 'a', annotations: { 'kubernetes.io/config.mirror': 'hash' } }),
    expected: { token: undefined, containers: { app: untouchedContainer } },
  },
];

const annotations: readonly InjectionCase[] = [
  {
    name: 'skip-containers is a list with commas, spaces around names do not count',
    pod: pod({
      annotations: { 'eks.amazonaws.com/skip-containers': 'sidecar , migrate' },
      containers: [app, sidecar],
      initContainers: [migrate],
    }),
    expected: {
      token,
      containers: { migrate: untouchedContainer, app: injectedContainer, sidecar: untouchedContainer },
    },
  },
  {
    name: 'a name in skip-containers that no container has changes nothing',
    pod: annotated('skip-containers', 'ap,appp,'),
    expected: appOnly(injectedContainer),
  },
  {
    name: 'token-expiration of the pod wins over the table',
    pod: annotated('token-expiration', '3600'),
    expected: expiring(3600),
  },
  {
    name: 'a token-expiration below 600 s becomes 600 s',
    pod: annotated('token-expiration', '5'),
    expected: expiring(600),
  },
  {
    name: 'a token-expiration above a day becomes a day',
    pod: annotated('token-expiration', '100000000000'),
    expected: expiring(86_400),
  },
  {
    name: 'a token-expiration in words is ignored',
    pod: annotated('token-expiration', '1h'),
    expected: expiring(43_200),
  },
  {
    name: 'a negative token-expiration is ignored',
    pod: annotated('token-expiration', '-700'),
    expected: expiring(43_200),
  },
  {
    name: 'a token-expiration too long for any integer is ignored',
    pod: annotated('token-expiration', '9'.repeat(40)),
    expected: expiring(43_200),
  },
];

const windows: readonly InjectionCase[] = [
  {
    name: 'a pod for Windows nodes by label gets a Windows path',
    pod: pod({ nodeSelector: { 'kubernetes.io/os': 'windows' } }),
    expected: appOnly({ env: windowsEnv, mounts }),
  },
  {
    name: 'a pod for Windows nodes by the old label gets a Windows path',
    pod: pod({ nodeSelector: { 'beta.kubernetes.io/os': 'windows' } }),
    expected: appOnly({ env: windowsEnv, mounts }),
  },
  {
    name: 'a pod whose spec.os is windows gets a Windows path',
    pod: pod({ os: { name: 'windows' } }),
    expected: appOnly({ env: windowsEnv, mounts }),
  },
  {
    name: 'a pod for Linux nodes gets a Linux path',
    pod: pod({ nodeSelector: { 'kubernetes.io/os': 'linux' }, os: { name: 'linux' } }),
    expected: appOnly(injectedContainer),
  },
];

const OWN_ARN = 'arn:aws:iam::444455556666:role/own';
const fieldRef = { fieldRef: { apiVersion: 'v1', fieldPath: "metadata.annotations['region']" } };

const ownSettings: readonly InjectionCase[] = [
  {
    name: 'one region variable of the container keeps both region variables out',
    pod: withApp({ env: [{ name: 'AWS_REGION', value: 'us-west-2' }] }),
    expected: appOnly({ env: { AWS_REGION: 'us-west-2', ...webIdentityEnv, ...stsEnv }, mounts }),
  },
  {
    name: 'a default region from elsewhere keeps both region variables out',
    pod: withApp({ env: [{ name: 'AWS_DEFAULT_REGION', valueFrom: fieldRef }] }),
    expected: appOnly({ env: { AWS_DEFAULT_REGION: JSON.stringify(fieldRef), ...webIdentityEnv, ...stsEnv }, mounts }),
  },
  {
    name: "the container's choice of STS endpoints stays",
    pod: withApp({ env: [{ name: 'AWS_STS_REGIONAL_ENDPOINTS', value: 'legacy' }] }),
    expected: appOnly({ env: { ...webIdentityEnv, ...regionEnv, AWS_STS_REGIONAL_ENDPOINTS: 'legacy' }, mounts }),
  },
  {
    name: 'a container with a role of its own is completed with the token file',
    pod: withApp({ env: [{ name: 'AWS_ROLE_ARN', value: OWN_ARN }] }),
    expected: appOnly({ env: { ...allEnv, AWS_ROLE_ARN: OWN_ARN }, mounts }),
  },
  {
    name: 'a container with a token file of its own is completed with the role',
    pod: withApp({ env: [{ name: 'AWS_WEB_IDENTITY_TOKEN_FILE', value: '/own/token' }] }),
    expected: appOnly({ env: { ...allEnv, AWS_WEB_IDENTITY_TOKEN_FILE: '/own/token' }, mounts }),
  },
  {
    name: 'other variables of a container stay, and each container is judged by itself',
    pod: pod({ containers: [{ ...app, env: [{ name: 'A', value: '1' }] }, sidecar] }),
    expected: { token, containers: { app: { env: { A: '1', ...allEnv }, mounts }, sidecar: injectedContainer } },
  },
  {
    name: 'a volume of the same name stays as it is',
    pod: pod({ volumes: [{ name: 'aws-iam-token', emptyDir: {} }] }),
    expected: { token: {}, containers: { app: injectedContainer } },
  },
  {
    name: 'other volumes and mounts stay',
    pod: pod({
      volumes: [{ name: 'data', emptyDir: {} }],
      containers: [{ ...app, volumeMounts: [{ name: 'data', mountPath: '/data' }] }],
    }),
    expected: appOnly({ env: allEnv, mounts: ['data at /data', ...mounts] }),
  },
  {
    name: 'a container with something else at the mount path gets no second mount there',
    pod: pod({
      volumes: [{ name: 'own', emptyDir: {} }],
      containers: [{ ...app, volumeMounts: [{ name: 'own', mountPath: MOUNT_PATH }] }],
    }),
    expected: appOnly({ env: allEnv, mounts: [`own at ${MOUNT_PATH}`] }),
  },
  {
    name: 'a container that mounts the token volume elsewhere gets no second mount of it',
    pod: pod({
      volumes: [{ name: 'aws-iam-token', emptyDir: {} }],
      containers: [{ ...app, volumeMounts: [{ name: 'aws-iam-token', mountPath: '/own' }] }],
    }),
    expected: { token: {}, containers: { app: { env: allEnv, mounts: ['aws-iam-token at /own'] } } },
  },
];

export const injectionCases: readonly InjectionCase[] = [...whichPods, ...annotations, ...windows, ...ownSettings];
