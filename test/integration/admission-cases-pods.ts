import {
  DEFAULT_ROLE_ARN,
  type Denial,
  fileEnv,
  injected,
  injectedContainer,
  type InjectionCase,
  migrate,
  mounts,
  regionEnv,
  sidecar,
  stsEnv,
  token,
  untouched,
  webIdentityEnv,
  withEnv,
} from './admission-expectations.ts';
import { app, equipped, type Facts, type Pod, pod, tokenVolume } from './admission-pods.ts';

const ofDefault: Facts = {
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
};

/** Without the field, as most pods have no annotations of their own. */
function withoutAnnotations(candidate: Pod): Pod {
  const { annotations: _none, ...metadata } = candidate.metadata;
  return { ...candidate, metadata };
}

/** Which pods and which of their containers are injected. */
export const podCases: readonly InjectionCase[] = [
  { name: 'a container gets the token volume, its mount and the whole environment', pod: pod(), expected: injected },
  { name: 'a pod without annotations is injected', pod: withoutAnnotations(pod()), expected: injected },
  {
    name: 'every container and init container is injected',
    pod: pod({ containers: [app, sidecar], initContainers: [migrate] }),
    expected: { token, containers: { migrate: injectedContainer, app: injectedContainer, sidecar: injectedContainer } },
  },
  {
    name: 'a native sidecar is injected, as it is an init container',
    pod: pod({ initContainers: [{ ...sidecar, restartPolicy: 'Always' }, migrate] }),
    expected: { token, containers: { sidecar: injectedContainer, migrate: injectedContainer, app: injectedContainer } },
  },
  {
    name: 'a ServiceAccount named by the deprecated field counts',
    pod: pod({ serviceAccount: 'reports' }),
    expected: injected,
  },
  {
    name: 'a ServiceAccount with a dot in its name counts',
    pod: pod({ serviceAccountName: 'reports.v2' }),
    expected: injected,
  },
  {
    name: 'a pod that names no ServiceAccount gets the role of default, with its own audience, region and partition',
    pod: pod({ serviceAccountName: '' }),
    expected: ofDefault,
  },
  {
    name: 'a pod with a generated name is injected, as those of ReplicaSets are',
    pod: pod({ generateName: 'app-' }),
    expected: injected,
  },
  { name: 'a pod in the network of its host is injected', pod: pod({ hostNetwork: true }), expected: injected },
  {
    name: "a pod without the API server's own token is injected all the same",
    pod: pod({ automountServiceAccountToken: false }),
    expected: injected,
  },
  {
    name: 'a pod of a ServiceAccount that is not in the table is left alone',
    pod: pod({ serviceAccountName: 'other' }),
    expected: untouched,
  },
  {
    name: 'a pod that opted out is left alone',
    pod: pod({ annotations: { 'federatedidentity.dev/inject': 'false' } }),
    expected: untouched,
  },
  ...['no', 'False', 'true', ''].map((value) => ({
    name: `only "false" opts out, not "${value}"`,
    pod: pod({ annotations: { 'federatedidentity.dev/inject': value } }),
    expected: injected,
  })),
  {
    name: 'a mirror pod is left alone, since the API server refuses one with a token',
    pod: pod({ serviceAccountName: '', nodeName: 'a', annotations: { 'kubernetes.io/config.mirror': 'hash' } }),
    expected: untouched,
  },
];

/** What the entry of the ServiceAccount decides. */
export const entryCases: readonly InjectionCase[] = [
  {
    name: 'without a region in the table a container gets no region variable',
    pod: pod({ serviceAccountName: 'no-region' }),
    expected: withEnv({ ...webIdentityEnv, ...stsEnv }),
  },
  {
    name: 'a ServiceAccount that is to use the global STS endpoint gets no variable for it',
    pod: pod({ serviceAccountName: 'global-sts' }),
    expected: withEnv({ ...webIdentityEnv, ...regionEnv }),
  },
  {
    name: 'without region and with the global STS endpoint only role and token file are set',
    pod: pod({ serviceAccountName: 'no-region-global-sts' }),
    expected: withEnv(webIdentityEnv),
  },
  {
    name: 'a lifetime below 600 s in the table becomes 600 s',
    pod: pod({ serviceAccountName: 'short-lived' }),
    expected: { ...injected, token: { ...token, expirationSeconds: 600 } },
  },
  {
    name: 'a lifetime above a day in the table becomes a day',
    pod: pod({ serviceAccountName: 'long-lived' }),
    expected: { ...injected, token: { ...token, expirationSeconds: 86_400 } },
  },
];

const UNREADABLE = ['no-words', 'three-words', 'five-words', 'two-spaces', 'a-duration', 'no-role'];
const notReady: Denial = { denied: 'AwsFederatedIdentity nightly is not ready (ProviderNotFound). Pods of' };

/** Pods that would run without their role. */
export const deniedCases: readonly InjectionCase[] = [
  {
    name: 'a pod of an identity that is not ready is denied',
    pod: pod({ serviceAccountName: 'unready' }),
    expected: notReady,
  },
  {
    name: 'a pod of an identity that is not ready is denied even when it has all it needs',
    pod: pod({ serviceAccountName: 'unready', volumes: [tokenVolume], containers: [equipped] }),
    expected: notReady,
  },
  {
    name: 'a pod of an identity that is not ready runs when it opted out',
    pod: pod({ serviceAccountName: 'unready', annotations: { 'federatedidentity.dev/inject': 'false' } }),
    expected: untouched,
  },
  {
    name: 'a pod of a pending entry that names nobody is denied',
    pod: pod({ serviceAccountName: 'pending-alone' }),
    expected: { denied: "the AwsFederatedIdentity of the pod's ServiceAccount is not ready" },
  },
  ...UNREADABLE.map((serviceAccountName) => ({
    name: `a pod whose entry can not be read is denied: ${serviceAccountName}`,
    pod: pod({ serviceAccountName }),
    expected: { denied: `the entry ${serviceAccountName} in ConfigMap aws-pod-injection is not of the form` },
  })),
];
