import type { Stack } from '../stack/stack.ts';
import { type Narrator, until } from './narrator.ts';
import {
  claimsOf,
  GREEDY,
  IDENTITY,
  MANAGED_POLICY,
  MAY_NOT_READ,
  MAY_READ,
  NAMESPACE,
  podOf,
  PROVIDER,
  roleNames,
  runWorkload,
} from './scene.ts';

/** What one chapter finds out for the next. */
export interface Told {
  readonly roleArn: string;
  readonly token: string;
}

const isOperator = ({ principal }: { readonly principal: string }): boolean =>
  principal.endsWith(':user/federated-identity-operator');

/** Shows a command, runs it, and shows what it prints. */
async function shown(stack: Stack, narrator: Narrator, line: string, input?: string): Promise<string> {
  narrator.command(line);
  if (input !== undefined) narrator.show(input);
  const output = await stack.kubectl(line.split(' ').slice(1), input);
  narrator.show(output);
  return output;
}

export async function platformTeam(stack: Stack, narrator: Narrator): Promise<void> {
  narrator.chapter(
    'The platform team connects the cluster to an AWS account',
    'Once for each account: which account, which region, and what teams may ask for there. The issuer of',
    'the cluster is not typed in: the operator reads it from a token that the API server mints.',
  );
  await shown(stack, narrator, 'kubectl apply -f -', PROVIDER);
  await shown(stack, narrator, 'kubectl wait aop/default --for=condition=Ready --timeout=30s');
  const [provider] = stack.account.providers();
  narrator.expect(
    `IAM has an OIDC provider for ${stack.cluster.issuer}`,
    provider?.url.includes(new URL(stack.cluster.issuer).host) === true,
    provider,
  );
}

export async function team(stack: Stack, narrator: Narrator): Promise<string> {
  narrator.chapter(
    'A team asks for an identity',
    'The pods of ServiceAccount "reports" shall read one bucket. No keys, no secrets, no pull request to',
    'somebody with IAM rights.',
  );
  await stack.kubectl(['create', 'namespace', NAMESPACE]);
  const mark = stack.aws.calls.mark();
  await shown(stack, narrator, 'kubectl apply -f -', IDENTITY);
  await shown(stack, narrator, `kubectl wait afi/reports -n ${NAMESPACE} --for=condition=Ready --timeout=30s`);
  narrator.say('Ready means: the operator exchanged a real token of this ServiceAccount for credentials of the role.');
  await shown(stack, narrator, 'kubectl get aop,afi -A');
  const calls = stack.aws.calls.since(mark).filter((call) => isOperator(call) && call.resource.includes(':role/'));
  const operations = calls.map(({ operation }) => operation);
  narrator.expect(
    `it took ${operations.length} IAM calls: ${operations.join(', ')}`,
    operations.length === 3,
    operations,
  );
  return (await stack.kubectl(['get', 'afi/reports', '-n', NAMESPACE, '-o', 'jsonpath={.status.roleArn}'])).trim();
}

interface InjectedPod {
  readonly spec: {
    readonly volumes: readonly { readonly name: string }[];
    readonly containers: readonly {
      readonly env?: readonly { readonly name: string; readonly value: string }[];
      readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
    }[];
  };
}

export async function workload(stack: Stack, narrator: Narrator, roleArn: string): Promise<Told> {
  narrator.chapter(
    'A pod starts',
    'Its author writes nothing about AWS. The API server itself adds the rest, without a webhook.',
  );
  await shown(stack, narrator, 'kubectl create -f -', podOf('reports'));
  narrator.command(`kubectl get pod reports-worker -n ${NAMESPACE} -o yaml   (what was added)`);
  const pod: InjectedPod = JSON.parse(
    await stack.kubectl(['get', 'pod', 'reports-worker', '-n', NAMESPACE, '-o', 'json']),
  );
  const [container] = pod.spec.containers;
  for (const { name, value } of container?.env ?? []) narrator.show(`env     ${name}=${value}`);
  for (const { name, mountPath } of container?.volumeMounts ?? [])
    if (name === 'aws-iam-token') narrator.show(`mount   ${mountPath}`);
  const volume = pod.spec.volumes.find(({ name }) => name === 'aws-iam-token');
  narrator.show(`volume  ${JSON.stringify(volume)}`);
  narrator.expect(
    'the pod carries the role and a projected token',
    container?.env?.some(({ value }) => value === roleArn) === true && volume !== undefined,
    pod.spec,
  );
  return { roleArn, token: await tokenOf(stack, narrator) };
}

async function tokenOf(stack: Stack, narrator: Narrator): Promise<string> {
  const line = `kubectl create token reports -n ${NAMESPACE} --audience sts.amazonaws.com --bound-object-kind Pod --bound-object-name reports-worker`;
  narrator.say('', 'There is no kubelet here, so we ask for the token that it would mount, and show its claims only:');
  narrator.command(line);
  const token = (await stack.kubectl(line.split(' ').slice(1))).trim();
  const { iss, sub, aud } = claimsOf(token);
  narrator.show(`iss ${iss}\nsub ${sub}\naud ${aud.join(', ')}`);
  return token;
}

export async function aws(stack: Stack, narrator: Narrator, { roleArn, token }: Told): Promise<void> {
  narrator.chapter(
    'The workload uses AWS',
    'A process of its own with the real AWS SDK, and only AWS_ROLE_ARN, AWS_WEB_IDENTITY_TOKEN_FILE and',
    'AWS_REGION (and AWS_ENDPOINT_URL, since this AWS is a local one: it fetches the keys of the issuer by',
    'HTTPS, checks the signature, the trust policy and each permission).',
  );
  const view = await runWorkload(stack, roleArn, token);
  narrator.expect(
    `GetCallerIdentity: ${view.caller}`,
    view.caller.includes(`:assumed-role/${roleArn.split('/').at(-1)}/`),
    view,
  );
  narrator.expect(
    `it lists the bucket that it may read: ${JSON.stringify(view.allowed)}`,
    view.allowed.includes('q3.csv'),
    view,
  );
  narrator.expect(
    `and is refused the other: ${String(view.forbidden).slice(0, 60)}…`,
    String(view.forbidden).startsWith('AccessDenied'),
    view,
  );
  await stack.kubectl(['create', 'serviceaccount', 'intruder', '-n', NAMESPACE]);
  const foreign = (
    await stack.kubectl(['create', 'token', 'intruder', '-n', NAMESPACE, '--audience', 'sts.amazonaws.com'])
  ).trim();
  const refused = await runWorkload(stack, roleArn, foreign);
  narrator.expect(
    'a token of another ServiceAccount is not let in',
    refused.caller.startsWith('AccessDenied'),
    refused,
  );
}

export async function refusal(stack: Stack, narrator: Narrator): Promise<void> {
  narrator.chapter(
    'Somebody asks for too much',
    'The guardrails of the platform team decide, before anything is written to AWS.',
  );
  const mark = stack.aws.calls.mark();
  await shown(stack, narrator, 'kubectl apply -f -', GREEDY);
  const ready = '{.status.conditions[?(@.type=="Ready")].message}';
  const message = await until(
    () => stack.kubectl(['get', 'afi/greedy', '-n', NAMESPACE, '-o', `jsonpath=${ready}`]),
    (text) => text !== '',
  );
  narrator.show(message);
  narrator.expect('the identity says why, and what to change where', message.includes('guardrails'), message);
  narrator.expect(
    'nothing was written to AWS',
    stack.aws.calls.writes(mark).length === 0,
    stack.aws.calls.writes(mark),
  );
  await stack.kubectl(['create', 'serviceaccount', 'greedy', '-n', NAMESPACE]);
  const denied = await until(
    () => stack.kubectl(['create', '-f', '-'], podOf('greedy')).then(() => 'the pod was admitted', String),
    (text) => text.includes('greedy'),
  );
  narrator.show(denied.split('\n').at(-1)?.slice(0, 300) ?? '');
  narrator.expect(
    'its pods are denied, rather than started without credentials',
    denied.includes('PolicyNotAllowed'),
    denied,
  );
  await stack.kubectl(['delete', 'afi/greedy', '-n', NAMESPACE, '--timeout=30s']);
}

export async function drift(stack: Stack, narrator: Narrator, roleArn: string): Promise<void> {
  const RoleName = roleArn.split('/').at(-1) ?? '';
  narrator.chapter(
    'Somebody changes the role by hand',
    'One policy is detached, and one that grants everything is attached, in the console, past the cluster.',
  );
  const mark = stack.aws.calls.mark();
  await stack.account.perform('DetachRolePolicy', { RoleName, PolicyArn: MANAGED_POLICY });
  await stack.account.perform('AttachRolePolicy', {
    RoleName,
    PolicyArn: 'arn:aws:iam::aws:policy/AdministratorAccess',
  });
  const repairs = () =>
    stack.aws.calls
      .writes(mark)
      .filter(isOperator)
      .map(({ operation }) => operation);
  await until(repairs, (operations) => operations.length >= 2);
  narrator.expect(
    `seen by the next sweep and repaired, what is too much first: ${repairs().join(', ')}`,
    repairs().join() === 'DetachRolePolicy,AttachRolePolicy',
    repairs(),
  );
  const event = await until(
    () =>
      stack.kubectl([
        'get',
        'events',
        '-n',
        NAMESPACE,
        '--field-selector',
        'reason=DriftRepaired',
        '-o',
        'jsonpath={.items[*].message}{.items[*].note}',
      ]),
    (text) => text !== '',
  );
  narrator.show(`Event DriftRepaired: ${event}`);
  const quiet = stack.aws.calls.mark();
  const sweeps = () =>
    stack.aws.calls.since(quiet).filter(({ operation }) => operation === 'GetAccountAuthorizationDetails').length;
  await until(sweeps, (count) => count >= 2);
  narrator.expect(
    'two more sweeps: nothing is written any more',
    stack.aws.calls.writes(quiet).length === 0,
    stack.aws.calls.writes(quiet),
  );
}

export async function goodbye(stack: Stack, narrator: Narrator): Promise<void> {
  narrator.chapter(
    'The team leaves',
    'Deleting the identity deletes the role; deleting the provider (deletionPolicy: Delete) the rest.',
  );
  await shown(stack, narrator, `kubectl delete afi/reports -n ${NAMESPACE} --timeout=30s`);
  await shown(stack, narrator, 'kubectl delete aop/default --timeout=30s');
  narrator.expect('no role of ours is left in AWS', roleNames(stack).length === 0, roleNames(stack));
  narrator.expect(
    'no OIDC provider of ours is left in AWS',
    stack.account.providers().length === 0,
    stack.account.providers(),
  );
}

export function prepare({ account }: Stack): void {
  account.createBucket(MAY_READ);
  account.putObject(MAY_READ, 'q3.csv', 'revenue,42');
  account.createBucket(MAY_NOT_READ);
  account.putObject(MAY_NOT_READ, 'salaries.csv', 'secret');
}
