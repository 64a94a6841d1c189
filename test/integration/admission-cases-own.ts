import {
  allEnv,
  appOnly,
  injected,
  injectedContainer,
  type InjectionCase,
  mounts,
  regionEnv,
  ROLE_ARN,
  sidecar,
  stsEnv,
  token,
  webIdentityEnv,
  withApp,
  withEnv,
} from './admission-expectations.ts';
import { app, type EnvVar, equipped, MOUNT_PATH, type Pod, pod, type VolumeMount } from './admission-pods.ts';

const OWN_ARN = 'arn:aws:iam::444455556666:role/own';
const fieldRef = { fieldRef: { apiVersion: 'v1', fieldPath: "metadata.annotations['region']" } };
const secretKeyRef = { secretKeyRef: { key: 'role', name: 'aws' } };
const env = (...variables: readonly EnvVar[]): Pod => withApp({ env: variables });

/** Variables that a container sets itself win, whatever they say. */
const environmentCases: readonly InjectionCase[] = [
  {
    name: 'one region variable of the container keeps both region variables out',
    pod: env({ name: 'AWS_REGION', value: 'us-west-2' }),
    expected: withEnv({ AWS_REGION: 'us-west-2', ...webIdentityEnv, ...stsEnv }),
  },
  {
    name: 'a default region from elsewhere keeps both region variables out',
    pod: env({ name: 'AWS_DEFAULT_REGION', valueFrom: fieldRef }),
    expected: withEnv({ AWS_DEFAULT_REGION: JSON.stringify(fieldRef), ...webIdentityEnv, ...stsEnv }),
  },
  {
    name: 'both region variables of the container stay, also when they differ',
    pod: env({ name: 'AWS_REGION', value: 'us-west-2' }, { name: 'AWS_DEFAULT_REGION', value: 'us-east-1' }),
    expected: withEnv({ AWS_REGION: 'us-west-2', AWS_DEFAULT_REGION: 'us-east-1', ...webIdentityEnv, ...stsEnv }),
  },
  {
    name: "the container's choice of STS endpoints stays",
    pod: env({ name: 'AWS_STS_REGIONAL_ENDPOINTS', value: 'legacy' }),
    expected: withEnv({ ...webIdentityEnv, ...regionEnv, AWS_STS_REGIONAL_ENDPOINTS: 'legacy' }),
  },
  {
    name: 'a container with a role of its own is completed with the token file',
    pod: env({ name: 'AWS_ROLE_ARN', value: OWN_ARN }),
    expected: withEnv({ ...allEnv, AWS_ROLE_ARN: OWN_ARN }),
  },
  {
    name: 'a container with a role from a Secret is completed with the token file',
    pod: env({ name: 'AWS_ROLE_ARN', valueFrom: secretKeyRef }),
    expected: withEnv({ ...allEnv, AWS_ROLE_ARN: JSON.stringify(secretKeyRef) }),
  },
  {
    name: 'a container with a token file of its own is completed with the role',
    pod: env({ name: 'AWS_WEB_IDENTITY_TOKEN_FILE', value: '/own/token' }),
    expected: withEnv({ ...allEnv, AWS_WEB_IDENTITY_TOKEN_FILE: '/own/token' }),
  },
  {
    name: 'a container with both variables and the mount is given the rest',
    pod: pod({ volumes: [{ name: 'aws-iam-token', emptyDir: {} }], containers: [equipped] }),
    expected: {
      token: {},
      containers: {
        app: {
          env: { ...allEnv, AWS_ROLE_ARN: OWN_ARN, AWS_WEB_IDENTITY_TOKEN_FILE: '/own/token' },
          mounts: [`aws-iam-token at ${MOUNT_PATH}`],
        },
      },
    },
  },
  {
    name: 'variables whose names only resemble ours count for nothing',
    pod: env({ name: 'aws_role_arn', value: 'a' }, { name: 'AWS_ROLE_ARN_2', value: 'b' }),
    expected: withEnv({ aws_role_arn: 'a', AWS_ROLE_ARN_2: 'b', ...allEnv }),
  },
  {
    name: 'static keys of the container stay, and are none of our business here',
    pod: env({ name: 'AWS_ACCESS_KEY_ID', valueFrom: secretKeyRef }),
    expected: withEnv({ AWS_ACCESS_KEY_ID: JSON.stringify(secretKeyRef), ...allEnv }),
  },
  { name: 'a list of variables that is empty is as good as none', pod: env(), expected: injected },
  {
    name: 'variables from a ConfigMap or Secret are not looked into',
    pod: withApp({ envFrom: [{ configMapRef: { name: 'settings' } }] }),
    expected: injected,
  },
  {
    name: 'other variables of a container stay, and each container is judged by itself',
    pod: pod({
      containers: [
        { ...app, env: [{ name: 'A', value: '1' }] },
        { ...sidecar, env: [{ name: 'AWS_ROLE_ARN', value: OWN_ARN }] },
        { ...sidecar, name: 'second' },
      ],
      initContainers: [{ ...sidecar, name: 'first', env: [{ name: 'AWS_REGION', value: 'us-west-2' }] }],
    }),
    expected: {
      token,
      containers: {
        first: { env: { AWS_REGION: 'us-west-2', ...webIdentityEnv, ...stsEnv }, mounts },
        app: { env: { A: '1', ...allEnv }, mounts },
        sidecar: { env: { ...allEnv, AWS_ROLE_ARN: OWN_ARN }, mounts },
        second: injectedContainer,
      },
    },
  },
];

const mounting = (volume: string, ...volumeMounts: readonly VolumeMount[]): Pod =>
  pod({ volumes: [{ name: volume, emptyDir: {} }], containers: [{ ...app, volumeMounts }] });
const ownToken = { audience: 'own', expirationSeconds: 7200, path: 'own' };

/** Volumes and mounts of the pod win. */
const volumeCases: readonly InjectionCase[] = [
  {
    name: 'a volume of the same name stays as it is',
    pod: pod({ volumes: [{ name: 'aws-iam-token', emptyDir: {} }] }),
    expected: { token: {}, containers: { app: injectedContainer } },
  },
  {
    name: 'a token of the same name keeps its own audience and lifetime',
    pod: pod({
      annotations: { 'eks.amazonaws.com/token-expiration': '3600' },
      volumes: [{ name: 'aws-iam-token', projected: { sources: [{ serviceAccountToken: ownToken }] } }],
    }),
    expected: { token: ownToken, containers: { app: injectedContainer } },
  },
  { name: 'a list of volumes that is empty is as good as none', pod: pod({ volumes: [] }), expected: injected },
  {
    name: 'other volumes and mounts stay',
    pod: mounting('data', { name: 'data', mountPath: '/data' }),
    expected: appOnly({ env: allEnv, mounts: ['data at /data', ...mounts] }),
  },
  ...['', '/'].map((ending) => ({
    name: `a container with something else at the mount path gets no second mount there: ${MOUNT_PATH}${ending}`,
    pod: mounting('own', { name: 'own', mountPath: `${MOUNT_PATH}${ending}` }),
    expected: appOnly({ env: allEnv, mounts: [`own at ${MOUNT_PATH}${ending}`] }),
  })),
  {
    name: 'a mount below, above or beside the mount path is not in its place',
    pod: mounting(
      'own',
      { name: 'own', mountPath: `${MOUNT_PATH}/own` },
      { name: 'own', mountPath: `${MOUNT_PATH}s` },
      { name: 'own', mountPath: '/var/run/secrets' },
    ),
    expected: appOnly({
      env: allEnv,
      mounts: [`own at ${MOUNT_PATH}/own`, `own at ${MOUNT_PATH}s`, 'own at /var/run/secrets', ...mounts],
    }),
  },
  {
    name: 'a container that mounts the token volume elsewhere gets no second mount of it',
    pod: mounting('aws-iam-token', { name: 'aws-iam-token', mountPath: '/own' }),
    expected: { token: {}, containers: { app: { env: allEnv, mounts: ['aws-iam-token at /own'] } } },
  },
  {
    name: 'a container that mounts one file of the token volume gets no second mount of it',
    pod: mounting('aws-iam-token', { name: 'aws-iam-token', mountPath: '/own/token', subPath: 'token' }),
    expected: { token: {}, containers: { app: { env: allEnv, mounts: ['aws-iam-token at /own/token'] } } },
  },
  {
    name: 'a pod that was injected by hand in full is not changed',
    pod: pod({
      volumes: [{ name: 'aws-iam-token', projected: { sources: [{ serviceAccountToken: token }] } }],
      containers: [
        {
          ...app,
          env: Object.entries({ ...allEnv, AWS_ROLE_ARN: ROLE_ARN }).map(([name, value]) => ({ name, value })),
          volumeMounts: [{ name: 'aws-iam-token', mountPath: MOUNT_PATH, readOnly: true }],
        },
      ],
    }),
    expected: injected,
  },
];

/** What a pod has of its own. */
export const ownSettingsCases: readonly InjectionCase[] = [...environmentCases, ...volumeCases];
