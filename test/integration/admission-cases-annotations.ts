import {
  allEnv,
  injected,
  injectedContainer,
  type InjectionCase,
  migrate,
  mounts,
  sidecar,
  stsEnv,
  token,
  untouchedContainer,
  webIdentityEnv,
  withEnv,
} from './admission-expectations.ts';
import { app, type Pod, pod } from './admission-pods.ts';

const annotated = (key: string, value: string): Pod => pod({ annotations: { [`eks.amazonaws.com/${key}`]: value } });

const skipCases: readonly InjectionCase[] = [
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
    name: 'skip-containers may have any blank of Unicode around a name',
    pod: annotated('skip-containers', '\u0085app\u3000'),
    expected: { token, containers: { app: untouchedContainer } },
  },
  {
    name: 'skip-containers counts for a native sidecar',
    pod: pod({
      annotations: { 'eks.amazonaws.com/skip-containers': 'sidecar' },
      initContainers: [{ ...sidecar, restartPolicy: 'Always' }, migrate],
    }),
    expected: {
      token,
      containers: { sidecar: untouchedContainer, migrate: injectedContainer, app: injectedContainer },
    },
  },
  {
    name: 'skip-containers may name every container',
    pod: annotated('skip-containers', 'app,app'),
    expected: { token, containers: { app: untouchedContainer } },
  },
  ...[
    { name: 'of part of a name or more than it', value: 'ap,appp,' },
    { name: 'in capital letters', value: 'APP' },
    { name: 'that is empty', value: '' },
    { name: 'with other separators', value: 'app;sidecar app' },
    { name: 'after a mark that is no blank in Unicode', value: '\uFEFFapp' },
  ].map(({ name, value }) => ({
    name: `skip-containers ${name} changes nothing`,
    pod: annotated('skip-containers', value),
    expected: injected,
  })),
  {
    name: 'skip-containers under another prefix changes nothing',
    pod: pod({ annotations: { 'example.org/skip-containers': 'app' } }),
    expected: injected,
  },
];

const expirations: readonly { readonly name: string; readonly value: string; readonly seconds: number }[] = [
  { name: 'wins over the table', value: '3600', seconds: 3600 },
  { name: 'of 600 s is the shortest', value: '600', seconds: 600 },
  { name: 'below 600 s becomes 600 s', value: '599', seconds: 600 },
  { name: 'of 0 becomes 600 s', value: '0', seconds: 600 },
  { name: 'with leading zeros is a decimal number', value: '0003600', seconds: 3600 },
  { name: 'of a day is the longest', value: '86400', seconds: 86_400 },
  { name: 'above a day becomes a day', value: '100000000000', seconds: 86_400 },
  { name: 'of 18 digits becomes a day', value: '9'.repeat(18), seconds: 86_400 },
  { name: 'in words is ignored', value: '1h', seconds: 43_200 },
  { name: 'that is negative is ignored', value: '-700', seconds: 43_200 },
  { name: 'with a sign is ignored', value: '+700', seconds: 43_200 },
  { name: 'with spaces is ignored', value: ' 700 ', seconds: 43_200 },
  { name: 'with a line break is ignored', value: '700\n', seconds: 43_200 },
  { name: 'with a fraction is ignored', value: '700.5', seconds: 43_200 },
  { name: 'in digits of another script is ignored', value: '٧٠٠', seconds: 43_200 },
  { name: 'that is empty is ignored', value: '', seconds: 43_200 },
  { name: 'too long for any integer is ignored', value: '9'.repeat(40), seconds: 43_200 },
];

const expirationCases: readonly InjectionCase[] = expirations.map(({ name, value, seconds }) => ({
  name: `a token-expiration ${name}`,
  pod: annotated('token-expiration', value),
  expected: { ...injected, token: { ...token, expirationSeconds: seconds } },
}));

const inRegion = (region: string) => ({ AWS_REGION: region, AWS_DEFAULT_REGION: region });
const regional = { 'federatedidentity.dev/region': 'ap-southeast-2' };

const regionCases: readonly InjectionCase[] = [
  {
    name: "the pod's own region wins over the table",
    pod: pod({ annotations: regional }),
    expected: withEnv({ ...webIdentityEnv, ...inRegion('ap-southeast-2'), ...stsEnv }),
  },
  {
    name: "the pod's own region counts where the table has none",
    pod: pod({ serviceAccountName: 'no-region', annotations: regional }),
    expected: withEnv({ ...webIdentityEnv, ...inRegion('ap-southeast-2'), ...stsEnv }),
  },
  {
    name: "a region variable of the container wins over the pod's own region",
    pod: pod({ annotations: regional, containers: [{ ...app, env: [{ name: 'AWS_REGION', value: 'us-west-2' }] }] }),
    expected: withEnv({ ...webIdentityEnv, AWS_REGION: 'us-west-2', ...stsEnv }),
  },
  ...['', '-', 'Frankfurt', 'eu-west-1 ', 'us-gov-west-1\n'].map((value) => ({
    name: `a region of the pod that is none is ignored: ${JSON.stringify(value)}`,
    pod: pod({ annotations: { 'federatedidentity.dev/region': value } }),
    expected: injected,
  })),
];

const windowsEnv = {
  ...allEnv,
  AWS_WEB_IDENTITY_TOKEN_FILE: String.raw`C:\var\run\secrets\eks.amazonaws.com\serviceaccount\token`,
};
const onWindows: InjectionCase['expected'] = { token, containers: { app: { env: windowsEnv, mounts } } };

const windowsCases: readonly InjectionCase[] = [
  {
    name: 'a pod for Windows nodes by label gets a Windows path',
    pod: pod({ nodeSelector: { 'kubernetes.io/os': 'windows' } }),
    expected: onWindows,
  },
  {
    name: 'a pod for Windows nodes by the old label gets a Windows path',
    pod: pod({ nodeSelector: { 'beta.kubernetes.io/os': 'windows', disk: 'ssd' } }),
    expected: onWindows,
  },
  {
    name: 'a pod whose spec.os is windows gets a Windows path',
    pod: pod({ os: { name: 'windows' } }),
    expected: onWindows,
  },
  {
    name: 'a pod for Linux nodes gets a Linux path',
    pod: pod({ nodeSelector: { 'kubernetes.io/os': 'linux' }, os: { name: 'linux' } }),
    expected: injected,
  },
  {
    name: 'a label of another name does not mean Windows, nor does another spelling',
    pod: pod({ nodeSelector: { os: 'windows', 'kubernetes.io/os': 'Windows' } }),
    expected: injected,
  },
];

/** What annotations and selectors of a pod decide. */
export const annotationCases: readonly InjectionCase[] = [
  ...skipCases,
  ...expirationCases,
  ...regionCases,
  ...windowsCases,
];
