import { RoleArn } from '../../src/iam/arn.ts';
import { type Injection, pendingEntry, tableEntry } from '../../src/kube/injection-table.ts';
import { app, type Container, type ContainerFacts, type Facts, MOUNT_PATH, type Pod, pod } from './admission-pods.ts';

export const ROLE_ARN = RoleArn.parse('arn:aws:iam::111122223333:role/federated/reports');
export const DEFAULT_ROLE_ARN = RoleArn.parse('arn:aws-us-gov:iam::111122223333:role/federated/default');

const reports: Injection = {
  roleArn: ROLE_ARN,
  audience: 'sts.amazonaws.com',
  tokenExpirationSeconds: 43_200,
  region: 'eu-west-1',
};

/** What the injection table says, by ServiceAccount. */
export const tableData: Readonly<Record<string, string>> = {
  reports: tableEntry(reports),
  'reports.v2': tableEntry(reports),
  default: tableEntry({
    roleArn: DEFAULT_ROLE_ARN,
    audience: 'my-audience',
    tokenExpirationSeconds: 600,
    region: 'us-gov-west-1',
  }),
  'no-region': tableEntry({ ...reports, region: undefined }),
  'global-sts': tableEntry({ ...reports, stsRegionalEndpoints: false }),
  'no-region-global-sts': tableEntry({ ...reports, region: undefined, stsRegionalEndpoints: false }),
  'short-lived': tableEntry({ ...reports, tokenExpirationSeconds: 60 }),
  'long-lived': tableEntry({ ...reports, tokenExpirationSeconds: 900_000 }),
  unready: pendingEntry('nightly', 'ProviderNotFound'),
  'pending-alone': 'pending',
  'no-words': '',
  'three-words': `${ROLE_ARN} sts.amazonaws.com 600`,
  'five-words': `${ROLE_ARN} sts.amazonaws.com 600 eu-west-1 eu-west-1`,
  'two-spaces': `${ROLE_ARN}  sts.amazonaws.com 600 eu-west-1`,
  'a-duration': `${ROLE_ARN} sts.amazonaws.com 1h eu-west-1`,
  'no-role': 'reports sts.amazonaws.com 600 eu-west-1',
};

/** The API server refuses the pod, with a message that contains this. No mutation touches it. */
export interface Denial {
  readonly denied: string;
}

export interface InjectionCase {
  readonly name: string;
  readonly pod: Pod;
  readonly expected: Facts | Denial;
}

export const regionEnv = { AWS_REGION: 'eu-west-1', AWS_DEFAULT_REGION: 'eu-west-1' };
export const stsEnv = { AWS_STS_REGIONAL_ENDPOINTS: 'regional' };
export const fileEnv = { AWS_WEB_IDENTITY_TOKEN_FILE: `${MOUNT_PATH}/token` };
export const webIdentityEnv = { AWS_ROLE_ARN: ROLE_ARN, ...fileEnv };
export const allEnv = { ...webIdentityEnv, ...regionEnv, ...stsEnv };
export const mounts = [`aws-iam-token at ${MOUNT_PATH}, read-only`];
export const token = { audience: 'sts.amazonaws.com', expirationSeconds: 43_200, path: 'token' };

/** A container that had no settings of its own, injected. */
export const injectedContainer: ContainerFacts = { env: allEnv, mounts };
export const untouchedContainer: ContainerFacts = { env: {}, mounts: [] };

export const sidecar: Container = { name: 'sidecar', image: 'example.org/sidecar' };
export const migrate: Container = { name: 'migrate', image: 'example.org/migrate' };

export const withApp = (container: Partial<Container>): Pod => pod({ containers: [{ ...app, ...container }] });
export const appOnly = (facts: ContainerFacts): Facts => ({ token, containers: { app: facts } });
export const injected = appOnly(injectedContainer);
export const untouched: Facts = { token: undefined, containers: { app: untouchedContainer } };
/** The app's container with exactly these variables. */
export const withEnv = (env: Readonly<Record<string, string>>): Facts => appOnly({ env, mounts });
