import { beforeAll, describe, expect, test, vi } from 'vitest';
import { injectionCases } from './admission-cases.ts';
import { injectedContainer, untouchedContainer } from './admission-expectations.ts';
import { equipped, factsOf, type Pod, pod, tokenVolume } from './admission-pods.ts';
import {
  bound,
  created,
  identity,
  installPolicies,
  kubectl,
  list,
  namespaces,
  operator,
  operatorName,
  refusal,
  soon,
  token,
  WORKLOAD,
} from './admission-scene.ts';

const facts = async (candidate: Pod, namespace?: string): Promise<ReturnType<typeof factsOf>> =>
  factsOf(await created(candidate, namespace));

beforeAll(installPolicies, 120_000);

const label = (name: string, value: string, ...args: readonly string[]): Promise<string> =>
  kubectl(['label', 'afi', name, ...WORKLOAD, '--overwrite', `federatedidentity.dev/bound${value}`, ...args]);

/** Gives an identity a Ready condition as the operator writes it. */
async function notReady(name: string, message: string): Promise<void> {
  const condition = { type: 'Ready', status: 'False', reason: 'ProviderNotFound', message };
  const conditions = [{ ...condition, lastTransitionTime: '2026-01-01T00:00:00Z' }];
  const patch = ['--subresource=status', '--type=merge', `--patch=${JSON.stringify({ status: { conditions } })}`];
  await kubectl(['patch', 'afi', name, ...WORKLOAD, ...patch]);
}

describe('injection [F60]', () => {
  test.each(injectionCases)('$name', async ({ pod: candidate, expected }) => {
    if ('denied' in expected) {
      expect(await refusal(created(candidate))).toContain(expected.denied);
      return;
    }
    const once = await created(candidate);
    expect(factsOf(once)).toEqual(expected);
    const again = await created(once);
    expect(again.spec, 'an injected pod is not changed again').toEqual(once.spec);
  });

  test('a container that a later policy adds is injected too', async () => {
    const candidate = pod();
    const labelled = { ...candidate, metadata: { ...candidate.metadata, labels: { 'late-sidecar': 'true' } } };
    expect((await facts(labelled)).containers).toEqual({ app: injectedContainer, late: injectedContainer });
  });

  test('a debug container that is added to a running pod is left alone', async () => {
    await kubectl(['create', ...WORKLOAD, '-f', '-'], { ...pod(), metadata: { name: 'debugged' } });
    const debug = { spec: { ephemeralContainers: [{ name: 'debug', image: 'debug' }] } };
    const patch = ['--subresource=ephemeralcontainers', '--type=strategic', `--patch=${JSON.stringify(debug)}`];
    await kubectl(['patch', 'pod', 'debugged', ...WORKLOAD, ...patch]);
    const stored = JSON.parse(await kubectl(['get', 'pod', 'debugged', ...WORKLOAD, '-o', 'json'])) as Pod;
    expect(factsOf(stored).containers).toEqual({ app: injectedContainer, debug: untouchedContainer });
  });

  test.each(['kube-system', namespaces.excluded])(
    'pods of the excluded namespace %s are left alone',
    async (namespace) => {
      expect((await facts(pod(), namespace)).containers).toEqual({ app: untouchedContainer });
    },
  );

  test.each([
    { containers: 100, variables: 400, size: 43_000 },
    { containers: 100, variables: 71, size: 10_100 },
    { containers: 5000, variables: 0, size: 145_000 },
  ])(
    'a pod of $containers containers with $variables variables is denied rather than left bare, and why',
    async (row) => {
      const env = Array.from({ length: row.variables }, (_, index) => ({ name: `SETTING_${index}`, value: 'x' }));
      const containers = Array.from({ length: row.containers }, (_, index) => ({ name: `c${index}`, image: 'x', env }));
      const message = await refusal(created(pod({ containers })));
      expect(message).toContain(`too large to be given the AWS role of its ServiceAccount: the variables and mounts`);
      // The API server has added a mount of its own to each container.
      expect(message).toContain(`make ${row.size + row.containers}, and may make 10000. Take variables`);
    },
  );

  const SKIP = 'eks.amazonaws.com/skip-containers';

  test('a pod of 200 containers that are all skipped is within the cost limit', async () => {
    const containers = Array.from({ length: 200 }, (_, index) => ({ name: `c${index}`, image: 'x' }));
    const annotations = { [SKIP]: containers.map(({ name }) => name).join(',') };
    const { spec } = await created(pod({ annotations, containers, automountServiceAccountToken: false }));
    expect(spec.containers.filter(({ env }) => env !== undefined)).toEqual([]);
  });

  test('a list of names to skip that the API server would read for half a minute is denied, and why', async () => {
    const message = await refusal(created(pod({ annotations: { [SKIP]: ','.repeat(40_000) } })));
    expect(message).toContain(`3 for each character of its annotation ${SKIP} make 120031, and may make 10000`);
  });

  test('a list of any length is not read where the ServiceAccount has no role', async () => {
    const candidate = pod({ serviceAccountName: 'other', annotations: { [SKIP]: ','.repeat(200_000) } });
    await expect(created(candidate)).resolves.toBeDefined();
  });

  test('a pod of 20 containers with 100 variables each is within the cost limit', async () => {
    const env = Array.from({ length: 100 }, (_, index) => ({ name: `SETTING_${index}`, value: 'x' }));
    const containers = Array.from({ length: 20 }, (_, index) => ({ name: `c${index}`, image: 'x', env }));
    expect((await facts(pod({ containers }))).containers).toMatchObject({ c19: { env: injectedContainer.env } });
  });
});

describe('pending gate', () => {
  beforeAll(async () => {
    await kubectl(['create', operator, '-f', '-'], identity('bound', 'other', bound));
    const pending = [
      identity('waiting', 'waiting'),
      identity('broken', 'broken'),
      identity('wordy', 'wordy'),
      identity('in-system', 'waiting', {}, 'kube-system'),
      identity('of-default', 'default', {}, namespaces.excluded),
    ];
    await kubectl(['create', '-f', '-'], list(pending));
    await notReady('broken', 'no AwsOidcProvider named default;\ncreate it');
    await notReady('wordy', 'The provider is not there.\n');
    await vi.waitFor(async () => {
      const messages = await Promise.all(
        ['waiting', 'broken', 'wordy'].map((serviceAccountName) => refusal(created(pod({ serviceAccountName })))),
      );
      if (messages.some((message) => !message.includes('not ready')))
        throw new Error('the gate has not seen the identities yet');
    }, soon);
  });

  test('denies a pod of an identity that the operator has not seen yet, and says so [F58 S10]', async () => {
    const message = await refusal(created(pod({ serviceAccountName: 'waiting' })));
    expect(message).toContain('(Forbidden)');
    expect(message).toContain('AwsFederatedIdentity waiting is not ready (the operator has not looked at it yet');
    expect(message).toContain(`kubectl describe awsfederatedidentity waiting -n ${namespaces.workload}`);
    expect(message).toContain('federatedidentity.dev/inject: "false"');
  });

  test.each([
    { name: 'broken', expected: '(ProviderNotFound: no AwsOidcProvider named default; create it). Pods' },
    { name: 'wordy', expected: '(ProviderNotFound: The provider is not there). Pods' },
  ])("gives the Ready condition's reason and message within one line: $name", async ({ name, expected }) => {
    const message = await refusal(created(pod({ serviceAccountName: name })));
    expect(message).toContain(`AwsFederatedIdentity ${name} is not ready ${expected}`);
  });

  test('denies a pod with a generated name, as a ReplicaSet makes it', async () => {
    expect(await refusal(created(pod({ serviceAccountName: 'waiting', generateName: 'app-' })))).toContain('waiting');
  });

  test.each([
    { name: 'of a bound identity', candidate: pod({ serviceAccountName: 'other' }) },
    { name: 'of another ServiceAccount', candidate: pod() },
    {
      name: 'that opted out',
      candidate: pod({ serviceAccountName: 'waiting', annotations: { 'federatedidentity.dev/inject': 'false' } }),
    },
  ])('allows a pod $name', async ({ candidate }) => {
    await expect(created(candidate)).resolves.toBeDefined();
  });

  test.each([
    { namespace: 'kube-system', serviceAccountName: 'waiting' },
    { namespace: namespaces.excluded, serviceAccountName: '' },
  ])('holds nothing back in $namespace', async ({ namespace, serviceAccountName }) => {
    await expect(created(pod({ serviceAccountName }), namespace)).resolves.toBeDefined();
  });

  test('a pod that names no ServiceAccount waits for the identity of default', async () => {
    const namespace = namespaces.withoutInjection;
    await kubectl(['create', '-f', '-'], identity('of-default', 'default', {}, namespace));
    const held = pod({ serviceAccountName: '', volumes: [tokenVolume], containers: [equipped] });
    await expect
      .poll(() => refusal(created(held, namespace)))
      .toContain('AwsFederatedIdentity of-default is not ready');
  });

  test('an identity that is being deleted holds nothing back', async () => {
    const leaving = {
      ...identity('leaving', 'leaving'),
      metadata: { name: 'leaving', finalizers: ['example.org/wait'] },
    };
    const candidate = pod({ serviceAccountName: 'leaving' });
    await kubectl(['create', ...WORKLOAD, '-f', '-'], leaving);
    await expect.poll(() => refusal(created(candidate)), soon).toContain('denied');
    await kubectl(['delete', 'afi', 'leaving', ...WORKLOAD, '--wait=false']);
    await expect.poll(() => refusal(created(candidate)), soon).toBe('');
    await kubectl(['patch', 'afi', 'leaving', ...WORKLOAD, '--type=merge', '--patch={"metadata":{"finalizers":null}}']);
  });
});

describe('bound label', () => {
  beforeAll(async () => {
    await kubectl(['create', '-f', '-'], identity('unlabelled', 'unlabelled'));
    await kubectl(['create', operator, '-f', '-'], identity('labelled', 'labelled', bound));
  });

  test.each([
    { name: 'set it', attempt: () => label('unlabelled', '=true') },
    { name: 'change it', attempt: () => label('labelled', '=false') },
    { name: 'remove it', attempt: () => label('labelled', '-') },
    { name: 'create an object with it', attempt: () => kubectl(['create', '-f', '-'], identity('new', 'new', bound)) },
  ])('nobody but the operator may $name', async ({ attempt }) => {
    expect(await refusal(attempt())).toContain(`only ${operatorName} may set, change or remove the label`);
  });

  test('others may change everything else of an object that has it', async () => {
    await expect(kubectl(['label', 'afi', 'labelled', ...WORKLOAD, 'team=platform'])).resolves.toContain('labeled');
    const spec = { spec: { serviceAccount: { create: false } } };
    const patch = ['--type=merge', `--patch=${JSON.stringify(spec)}`];
    await expect(kubectl(['patch', 'afi', 'labelled', ...WORKLOAD, ...patch])).resolves.toContain('patched');
  });

  test('the operator may set, change and remove it', async () => {
    await expect(label('unlabelled', '=true', operator)).resolves.toContain('labeled');
    await expect(label('unlabelled', '=false', operator)).resolves.toContain('labeled');
    await expect(label('unlabelled', '-', operator)).resolves.toContain('unlabeled');
  });
});

describe("the operator's tokens", () => {
  test('may have the AWS audience', async () => {
    await expect(token(['reports', operator, '--audience=sts.amazonaws.com'])).resolves.toMatch(/^ey/);
  });

  test.each([
    {
      name: 'for the API server, by default',
      args: [],
      expected: 'exactly one audience of: sts.amazonaws.com, my-audience',
    },
    {
      name: 'for another audience',
      args: ['--audience=vault'],
      expected: 'it asked for: vault',
    },
    {
      name: 'for AWS and another audience',
      args: ['--audience=sts.amazonaws.com', '--audience=vault'],
      expected: 'it asked for: sts.amazonaws.com, vault',
    },
    {
      name: 'for two AWS audiences at once',
      args: ['--audience=sts.amazonaws.com', '--audience=my-audience'],
      expected: 'it asked for: sts.amazonaws.com, my-audience',
    },
    {
      name: 'for more than an hour',
      args: ['--audience=sts.amazonaws.com', '--duration=2h'],
      expected: 'at most 3600 seconds',
    },
  ])('may not be $name', async ({ args, expected }) => {
    expect(await refusal(token(['reports', operator, ...args]))).toContain(expected);
  });

  test('the limit is for the operator only', async () => {
    await expect(token(['reports', '--audience=vault', '--duration=2h'])).resolves.toMatch(/^ey/);
  });
});
