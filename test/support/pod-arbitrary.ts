import * as fc from 'fast-check';
import type { Container, EnvVar, Pod, Volume, VolumeMount } from '../integration/admission-pods.ts';

// Valid pods as people write them, with a liking for what injection looks at.

const MOUNT_PATHS = ['/data', '/cache', '/var/run/secrets/eks.amazonaws.com/serviceaccount', '/etc/own'];
const VOLUMES = ['data', 'cache', 'aws-iam-token'];
const VARIABLES = [
  'AWS_ROLE_ARN',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_REGION',
  'AWS_DEFAULT_REGION',
  'AWS_STS_REGIONAL_ENDPOINTS',
  'AWS_ACCESS_KEY_ID',
  'PATH_TO_DATA',
];

const value: fc.Arbitrary<Omit<EnvVar, 'name'>> = fc.oneof(
  fc.record({
    value: fc.constantFrom('', 'own', 'eu-central-1', '$(HOSTNAME)', "it's “quoted” \\ and long".repeat(3)),
  }),
  fc.record({
    valueFrom: fc.constantFrom({ fieldRef: { fieldPath: 'metadata.name' } }, { secretKeyRef: { name: 's', key: 'k' } }),
  }),
);

const env: fc.Arbitrary<readonly EnvVar[]> = fc
  .uniqueArray(fc.constantFrom(...VARIABLES), { maxLength: 5 })
  .chain((names) => fc.tuple(...names.map((name) => value.map((rest) => ({ name, ...rest })))));

const mountsOf = (volumes: readonly string[]): fc.Arbitrary<readonly VolumeMount[]> =>
  volumes.length === 0
    ? fc.constant([])
    : fc
        .uniqueArray(fc.constantFrom(...MOUNT_PATHS), { maxLength: 3 })
        .chain((paths) =>
          fc.tuple(
            ...paths.map((mountPath) =>
              fc
                .record({ name: fc.constantFrom(...volumes), readOnly: fc.boolean() })
                .map((rest) => ({ ...rest, mountPath })),
            ),
          ),
        );

const containersOf = (names: readonly string[], volumes: readonly string[]): fc.Arbitrary<readonly Container[]> =>
  fc.tuple(
    ...names.map((name) =>
      fc
        .record({
          env: fc.option(env, { nil: undefined }),
          volumeMounts: fc.option(mountsOf(volumes), { nil: undefined }),
        })
        .map(({ env: variables, volumeMounts }) => ({
          name,
          image: 'registry.example/app:1',
          ...(variables === undefined ? {} : { env: variables }),
          ...(volumeMounts === undefined ? {} : { volumeMounts }),
        })),
    ),
  );

const annotations = fc.record(
  {
    'eks.amazonaws.com/skip-containers': fc.constantFrom(
      '',
      'c0',
      ' c1 ,init0',
      'nobody',
      'c0,c1,c2,init0,init1',
      '\u0085c0\u00a0,\ufeffc1,\u2003init0',
    ),
    'eks.amazonaws.com/token-expiration': fc.constantFrom(
      '600',
      '1',
      '86401',
      '12h',
      '-5',
      '9'.repeat(18),
      '9'.repeat(40),
      '',
    ),
    'federatedidentity.dev/region': fc.constantFrom('us-east-1', 'nowhere', 'EU-WEST-1', ''),
    'example.com/note': fc.string({ maxLength: 20 }),
  },
  { requiredKeys: [] },
);

const system = fc.constantFrom(
  {},
  { nodeSelector: { 'kubernetes.io/os': 'windows' } },
  { nodeSelector: { 'beta.kubernetes.io/os': 'windows', zone: 'a' } },
  { nodeSelector: { 'kubernetes.io/os': 'linux' } },
  { os: { name: 'windows' } },
  { os: { name: 'linux' }, hostNetwork: true },
);

/** A pod of one of the ServiceAccounts. It brings no token of the API server, whose volume has a random name. */
export const podArbitrary = (serviceAccounts: readonly string[]): fc.Arbitrary<Pod> =>
  fc
    .record({
      volumes: fc.subarray(VOLUMES),
      count: fc.integer({ min: 1, max: 3 }),
      inits: fc.integer({ min: 0, max: 2 }),
    })
    .chain(({ volumes, count, inits }) =>
      fc.record({
        serviceAccountName: fc.constantFrom(...serviceAccounts),
        annotations,
        system,
        containers: containersOf(
          Array.from({ length: count }, (_, index) => `c${index}`),
          volumes,
        ),
        initContainers: containersOf(
          Array.from({ length: inits }, (_, index) => `init${index}`),
          volumes,
        ),
        sidecar: fc.boolean(),
        volumes: fc.constant(volumes),
      }),
    )
    .map(
      ({
        serviceAccountName,
        annotations: written,
        system: os,
        containers,
        initContainers,
        sidecar,
        volumes,
      }): Pod => ({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { generateName: 'random-', annotations: written as Readonly<Record<string, string>> }, // absent keys are left out
        spec: {
          serviceAccountName,
          automountServiceAccountToken: false,
          containers,
          ...(initContainers.length === 0
            ? {}
            : { initContainers: initContainers.map((one) => (sidecar ? { ...one, restartPolicy: 'Always' } : one)) }),
          ...(volumes.length === 0 ? {} : { volumes: volumes.map((name): Volume => ({ name, emptyDir: {} })) }),
          ...os,
        },
      }),
    );
