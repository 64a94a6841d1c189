import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import { logTail, run } from '../../dev/cluster/process.ts';
import { thisRelease } from '../support/release.ts';
import {
  identity,
  newNamespace,
  pod,
  provider,
  S3_READ,
  untilReady,
  untilReason,
  useStack,
} from '../support/stories.ts';

// In which order people take things away, what each leaves, and the one command out of each dead end (docs/uninstall.md). The tests
// go on with what the one before left.
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CONFIG = join(ROOT, 'config', 'dev');
const CRDS = ['awsfederatedidentities.federatedidentity.dev', 'awsoidcproviders.federatedidentity.dev'];
const GUARD = 'federated-identity-crd-guard';
const OWN_NAMESPACE = 'federated-identity-system';
const PATIENCE = { timeout: 90_000, interval: 300 };
vi.setConfig({ testTimeout: 300_000 }); // as long as all its waits together on a machine that others use too
const folder = await mkdtemp(join(tmpdir(), 'federated-identity-release-'));
afterAll(() => rm(folder, { recursive: true }));
const { program } = await thisRelease(folder);
const stack = useStack({ controllerManager: true, program, environment: { AWS_CALLS_PER_SECOND: '100' } });
const kubectl = (...args: readonly string[]): Promise<string> => stack().kubectl(args);

/** Installs everything; resolves with a namespace of two ready identities: `app`, and `kept`, whose role outlives it. */
async function install(): Promise<string> {
  await apply();
  await stack().kubectl(['apply', '-f', '-'], provider());
  await untilReady(stack(), 'aop/default');
  const namespace = await newNamespace(stack());
  const role = { managedPolicyArns: [S3_READ] };
  await stack().kubectl(['apply', '-f', '-'], identity(namespace, { role }));
  await stack().kubectl(['apply', '-f', '-'], identity(namespace, { role, deletionPolicy: 'Retain' }, 'kept'));
  await kubectl('wait', 'afi', '--all', '-n', namespace, '--for=condition=Ready', '--timeout=60s');
  return namespace;
}

async function apply(): Promise<void> {
  await kubectl('apply', '--server-side', '-k', CONFIG);
  await kubectl('wait', '--for=condition=Established', 'crd', ...CRDS, '--timeout=60s');
}

/** As docs/uninstall.md has it, for both CRDs. */
const allowDeletion = (): Promise<string> =>
  kubectl('annotate', 'crd', ...CRDS, 'federatedidentity.dev/allow-deletion=true');

/** Takes everything of config/ away that is still there. Where the CRDs are not to go, it rejects, and the rest is gone. */
const removeConfig = (): Promise<string> =>
  kubectl('delete', '-k', CONFIG, '--ignore-not-found', '--wait=false', '--timeout=60s');

/** Identities whose roles are in AWS. */
const rolesOf = (namespace: string): readonly string[] =>
  stack()
    .account.roles()
    .flatMap(({ name }) => {
      const [, identityName] = name.split(`${namespace}-`);
      return identityName === undefined ? [] : [identityName.replace(/-[0-9a-f]{8}$/, '')];
    })
    .toSorted();

/** What of ours is in the cluster, and is not gone within the patience of a test. */
async function untilNothingIsLeft(): Promise<void> {
  const left = async (): Promise<string> => {
    const kinds = 'crd,clusterrole,clusterrolebinding,namespace,validatingadmissionpolicy,mutatingadmissionpolicy';
    const names = (await kubectl('get', kinds, '-o', 'name')).split('\n');
    return names.filter((name) => /federated-?identit/.test(name) && !name.includes('/team-')).join('\n');
  };
  await expect.poll(left, PATIENCE).toBe('');
}

/** Volumes of a pod of `app` as it would be stored. */
const injected = (): Promise<string> =>
  stack().kubectl(
    ['create', '--dry-run=server', '-o', 'jsonpath={.spec.volumes[*].name}', '-f', '-'],
    pod(namespace, 'app'),
  );

/** When the deletion of CRDs and identities began; empty if it did for none. */
const inDeletion = (): Promise<string> =>
  kubectl('get', 'crd,afi', '-A', '-o', 'jsonpath={.items[*].metadata.deletionTimestamp}');

/** Installs over what is left of another installation. */
async function installAgain(): Promise<void> {
  await apply();
  await stack().cluster.restartApiServer(); // kubernetes#130887: it may not follow ConfigMaps any more
  await stack().restartOperator();
}

/** Both identities are being deleted, and are still there. */
async function untilDeletionWaits(): Promise<void> {
  const deleted = ['get', 'afi', '-n', namespace, '-o', 'jsonpath={.items[*].metadata.deletionTimestamp}'];
  await expect.poll(() => kubectl(...deleted), PATIENCE).toMatch(/\S+ \S+/);
}

/** The shell command under a heading of docs/uninstall.md. */
async function commandOf(heading: string): Promise<string> {
  const page = await readFile(join(ROOT, 'docs', 'uninstall.md'), 'utf8');
  const [, section = ''] = page.split(`### ${heading}\n`);
  const [, command] = /```sh\n(.*?)```/s.exec(section) ?? [];
  if (command === undefined) throw new Error(`docs/uninstall.md has no command under "${heading}"`);
  return command;
}

let namespace = '';

afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') console.log(await logTail(stack().operator.logFile, 30));
});

test('a CRD is removed on the second try: roles go as their deletionPolicy says, and all is back once it is applied again [F50]', async () => {
  namespace = await install();
  await expect(kubectl('delete', 'crd', ...CRDS, '--timeout=90s')).rejects.toThrow(GUARD);
  expect(await inDeletion()).toBe('');
  await allowDeletion();
  await kubectl('delete', 'crd', ...CRDS, '--timeout=90s');
  expect(rolesOf(namespace)).toEqual(['kept']);
  await stack().kubectl(['create', '--dry-run=server', '-f', '-'], pod('default', 'default')); // nobody waits for our kinds

  await apply();
  await stack().kubectl(['apply', '-f', '-'], provider());
  await stack().kubectl(['apply', '-f', '-'], identity(namespace, { role: { managedPolicyArns: [S3_READ] } }));
  await stack().kubectl(['apply', '-f', '-'], identity(namespace, { deletionPolicy: 'Retain' }, 'kept'));
  await kubectl('wait', 'afi/app', '-n', namespace, '--for=condition=Ready', '--timeout=90s'); // by the same process
  await untilReason(stack(), ['afi/kept', '-n', namespace], 'Ready', 'RoleNotOwned'); // that role was another object's
  expect(await injected()).toContain('aws-iam-token');
});

test('identities first, then the operator, then the rest: nothing is left, and nothing waits', async () => {
  await kubectl('delete', 'afi', '--all', '-A', '--timeout=90s');
  await kubectl('delete', 'aop', '--all', '--timeout=90s');
  expect(rolesOf(namespace)).toEqual(['kept']);
  await stack().operator.stop();
  await allowDeletion();
  await removeConfig();
  await untilNothingIsLeft();
});

test('installed again: after a restart of the API server pods are injected as before', async () => {
  await installAgain();
  namespace = await install();
  await expect.poll(injected, PATIENCE).toContain('aws-iam-token');
});

test('all of config/ is removed by mistake: identities and roles stay, and one command brings the rest back [F50 F51]', async () => {
  const mark = stack().aws.calls.mark();
  await expect(removeConfig()).rejects.toThrow(GUARD);
  await kubectl('wait', '--for=delete', `namespace/${OWN_NAMESPACE}`, '--timeout=90s');
  await stack().operator.stop(0); // its pods went with the namespace
  expect(await inDeletion()).toBe('');

  await installAgain();
  const app = ['afi/app', '-n', namespace];
  await kubectl('annotate', ...app, 'federatedidentity.dev/requestedAt=now');
  const handled = ['get', ...app, '-o', 'jsonpath={.status.lastHandledReconcileAt}'];
  await expect.poll(() => kubectl(...handled), PATIENCE).toBe('now');
  await untilReady(stack(), 'afi/app', namespace);
  await expect.poll(injected, PATIENCE).toContain('aws-iam-token');
  const writes = stack()
    .aws.calls.since(mark)
    .filter(({ write, service }) => write && service === 'iam');
  expect(writes).toEqual([]);
});

test('the operator first: identities wait for it, and one command brings it back to finish [F51]', async () => {
  await stack().operator.stop();
  await allowDeletion();
  await removeConfig();
  await untilDeletionWaits();
  const crds = async (): Promise<string> => kubectl('get', 'crd', '-o', 'jsonpath={.items[*].metadata.name}');
  expect([await crds(), rolesOf(namespace)]).toEqual([CRDS.join(' '), ['app', 'kept']]);
  await kubectl('wait', '--for=delete', `namespace/${OWN_NAMESPACE}`, '--timeout=90s');

  await kubectl('apply', '--server-side', '-k', CONFIG); // in a cluster it starts the Deployment too
  await stack().restartOperator();
  await expect.poll(crds, PATIENCE).toBe('');
  expect(rolesOf(namespace)).toEqual(['kept']);
});

test("the operator's namespace first: identities can be let go without it, and their roles stay in AWS [F51]", async () => {
  namespace = await install();
  await kubectl('delete', 'namespace', OWN_NAMESPACE, '--timeout=90s');
  await stack().operator.stop(0); // its pods went with the namespace
  await kubectl('delete', 'namespace', namespace, '--wait=false');
  await kubectl('delete', 'aop', '--all', '--wait=false');
  await untilDeletionWaits();

  const { kubectl: client, kubeconfig } = stack().cluster;
  await run('/bin/sh', ['-ec', `kubectl() { "${client}" "$@"; }\n${await commandOf('Let go of everything')}`], {
    env: { ...process.env, KUBECONFIG: kubeconfig },
    timeoutMs: 90_000,
  });
  await kubectl('wait', '--for=delete', `namespace/${namespace}`, '--timeout=90s');
  expect(rolesOf(namespace)).toEqual(['app', 'kept']);
  await allowDeletion();
  await removeConfig();
  await untilNothingIsLeft();
});
