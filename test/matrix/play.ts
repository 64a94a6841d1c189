import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { desiredState } from '../../src/controllers/aws-federated-identity/desired.ts';
import { AwsFederatedIdentitySpec } from '../../src/crds/aws-federated-identity.ts';
import type { Condition } from '../../src/crds/condition.ts';
import type { DesiredRole } from '../../src/iam/roles.ts';
import { IssuerUrl, OidcProviderArn } from '../../src/iam/arn.ts';
import { ApiError, isNotFound } from '../../src/kube/errors.ts';
import { CONFIG_MAPS, type InjectionTable, TABLE_NAME } from '../../src/kube/injection-table.ts';
import {
  type AwsFederatedIdentity,
  type AwsOidcProvider,
  IDENTITIES,
  NAMESPACES,
  PROVIDERS,
  SERVICE_ACCOUNTS,
} from '../../src/kube/kinds.ts';
import { openRequest } from '../../src/kube/requested-at.ts';
import { JWKS_PATH } from '../../src/oidc/published-documents.ts';
import { type KubernetesResource, resourcePath } from '../../src/kube/resource.ts';
import { viewOf } from './bucket.ts';
import { judgeDocuments, type Key, type Publication } from './documents.ts';
import type { Lane, Strike, Take } from './lane.ts';
import { type Act, foreignApiWrites, judge, type Violation } from './oracle.ts';
import type { Point } from './points.ts';

/** One thing that people do, and the state in which all is in order again. */
export interface Scene {
  readonly title: string;
  readonly identities?: Readonly<Record<string, object | 'delete'>>;
  readonly provider?: object | 'delete';
  /** By the name of an identity, the reason of Ready; Succeeded where nothing is said. */
  readonly reasons?: Readonly<Record<string, string>>;
  /** The process is stopped in order, and another one begins. */
  readonly restarts?: true;
  /** What people do in AWS, before all else. */
  readonly hand?: (lane: Lane) => void | Promise<void>;
  /** The provider is asked to look now. */
  readonly asks?: true;
  /** Keys that the cluster serves no more, and that are to stay published. */
  readonly retired?: readonly Key[];
}

export interface Outcome {
  readonly violations: readonly (Violation & { readonly scene: string })[];
  readonly points: readonly Point[];
  readonly wasStruck: boolean;
}

/** A restart, the waits between attempts, and a machine that others use too. */
const DEADLINE_MS = 60_000;
const POLL_MS = 60;

interface Stage {
  readonly lane: Lane;
  readonly take: Take;
  readonly namespace: string;
  readonly bystanders: Act['bystanders'];
}

/** Plays scenes in a new namespace of the lane, with one blow or none, and judges each of them. */
export async function play(lane: Lane, scenes: readonly Scene[], strike?: Strike): Promise<Outcome> {
  const namespace = `team-${randomUUID().slice(0, 8)}`;
  await lane.user.create(NAMESPACES, { metadata: { name: namespace } }, signal());
  const bystanders = lane.account.roles().filter(({ tags }) => tags.length === 0);
  const take = lane.begin(strike);
  const stage: Stage = { lane, take, namespace, bystanders };
  const violations: (Violation & { readonly scene: string })[] = [];
  let past: Past = { wishes: new Map(), provider: undefined };
  for (const scene of scenes) {
    // oxlint-disable-next-line no-await-in-loop -- a story
    const { found, present } = await perform(stage, scene, past);
    violations.push(...found.map((one) => ({ ...one, scene: scene.title })));
    past = present;
  }
  await lane.recovered();
  const mark = take.api.length;
  await lane.quiet();
  const late = foreignApiWrites({ apiWrites: take.api.slice(mark), ownPaths: ownPathsOf(stage) });
  violations.push(...late.map((one) => ({ ...one, scene: 'afterwards' })));
  return { violations, points: take.counter.points, wasStruck: take.wasStruck };
}

const signal = (): AbortSignal => AbortSignal.timeout(30_000);

/** What was asked for when an act began. */
interface Past {
  readonly wishes: ReadonlyMap<string, DesiredRole>;
  readonly provider: AwsOidcProvider | undefined;
}

async function perform(
  stage: Stage,
  scene: Scene,
  past: Past,
): Promise<{ readonly found: readonly Violation[]; readonly present: Past }> {
  const { take, lane } = stage;
  await scene.hand?.(lane);
  const before = viewOf(lane.account);
  const [awsMark, apiMark] = [take.aws.length, take.api.length];
  if (scene.restarts === true) await lane.restart();
  await carryOut(stage, scene);
  const waiting = await untilSettled(stage, scene);
  const seen = await look(stage);
  const wishes = wishesOf(stage, seen, scene);
  const writes = take.aws.slice(awsMark);
  const present: Past = { wishes, provider: seen.providers[0] };
  const moments = [...writes.map(({ bucket }) => bucket), viewOf(lane.account)];
  const publication = { ...(await publicationOf(lane, past, present)), retired: scene.retired ?? [], before };
  const act: Act = {
    ...seen,
    cluster: lane.stack.clusterId,
    wishesBefore: past.wishes,
    wishes,
    clientIds: seen.providers[0]?.spec.clientIds,
    ...lane.had,
    bystanders: stage.bystanders,
    writes,
    apiWrites: take.api.slice(apiMark),
    ownPaths: ownPathsOf(stage),
    account: { roles: lane.account.roles(), oidcProviders: lane.account.providers() },
  };
  const stuck: readonly Violation[] = waiting === undefined ? [] : [{ kind: 'stuck', what: waiting }];
  return { found: [...stuck, ...judge(act), ...judgeDocuments(moments, publication)], present };
}

/** What a lane's provider asks for in S3: a function of its spec, before and now, and of the keys of the API server. */
async function publicationOf(
  { stack, user }: Lane,
  past: Past,
  present: Past,
): Promise<Omit<Publication, 'retired' | 'before'>> {
  const { keys: served } = (await user.getPath(JWKS_PATH, signal())) as { readonly keys: readonly Key[] };
  const prefixOf = ({ provider }: Past): string | undefined => provider?.spec.issuer?.publish?.s3.prefix;
  const goes = present.provider === undefined && past.provider?.spec.deletionPolicy === 'Delete';
  const withdrawnFrom = goes ? prefixOf(past) : undefined;
  return { cluster: stack.clusterId, issuer: stack.cluster.issuer, prefix: prefixOf(present), withdrawnFrom, served };
}

async function carryOut({ lane, namespace }: Stage, scene: Scene): Promise<void> {
  const { user, name, labels } = lane;
  const { uids, retained } = lane.had;
  if (scene.provider === 'delete') await user.delete(PROVIDERS, { name }, {}, signal());
  else if (scene.provider !== undefined) {
    const made = await user.apply(
      PROVIDERS,
      { metadata: { name, labels }, spec: scene.provider } as KubernetesResource,
      signal(),
    );
    uids.add(made.metadata.uid ?? '');
    if ('deletionPolicy' in scene.provider && scene.provider.deletionPolicy === 'Retain')
      retained.add(made.metadata.uid ?? '');
  }
  if (scene.asks === true) {
    const annotations = { 'federatedidentity.dev/requestedAt': new Date().toISOString() };
    await user.mergePatch(PROVIDERS, { name }, { metadata: { annotations } }, signal());
  }
  for (const [identity, spec] of Object.entries(scene.identities ?? {})) {
    const object = { namespace, name: identity };
    if (spec === 'delete') await user.delete(IDENTITIES, object, {}, signal()); // oxlint-disable-line no-await-in-loop -- a person's terminal
    else {
      const wanted = { metadata: object, spec: { ...spec, providerRef: { name } } };
      const made = await user.apply(IDENTITIES, wanted as KubernetesResource, signal()); // oxlint-disable-line no-await-in-loop -- as above
      uids.add(made.metadata.uid ?? '');
      if ('deletionPolicy' in spec && spec.deletionPolicy === 'Retain') retained.add(made.metadata.uid ?? '');
    }
  }
}

/** Undefined when all is settled, else what is not after the deadline. */
async function untilSettled(stage: Stage, scene: Scene): Promise<string | undefined> {
  let deadline = Date.now() + DEADLINE_MS;
  let hasRecovered = false;
  for (;;) {
    const open = await unsettled(stage, scene); // oxlint-disable-line no-await-in-loop -- polled
    if (open === undefined) return undefined;
    if (stage.take.wasStruck && !hasRecovered) {
      await stage.lane.recovered(); // oxlint-disable-line no-await-in-loop -- once
      hasRecovered = true;
      deadline = Date.now() + DEADLINE_MS;
    }
    if (Date.now() > deadline) return open;
    await sleep(POLL_MS); // oxlint-disable-line no-await-in-loop -- polled
  }
}

async function unsettled(
  stage: Stage,
  { identities = {}, provider, asks, reasons = {} }: Scene,
): Promise<string | undefined> {
  const seen = await look(stage);
  for (const [name, spec] of Object.entries(identities)) {
    const identity = seen.identities.find(({ metadata }) => metadata.name === name);
    const problem = spec === 'delete' ? identity && 'is still there' : unreadiness(identity, reasons[name]);
    if (problem !== undefined) return `${name} ${problem}`;
  }
  const [stored] = seen.providers;
  if (provider === undefined && asks !== true) return undefined;
  const problem = provider === 'delete' ? stored && 'is still there' : unreadinessOfProvider(stored);
  return problem === undefined ? undefined : `provider ${problem}`;
}

/** One that publishes may be ready while it does not succeed with it. */
function unreadinessOfProvider(provider: AwsOidcProvider | undefined): string | undefined {
  const problem = unreadiness(provider);
  if (problem !== undefined || provider === undefined) return problem;
  if (openRequest(provider) !== undefined) return 'has not looked yet';
  return provider.spec.issuer?.publish === undefined
    ? undefined
    : unreadiness(provider, 'Succeeded', 'IssuerPublished');
}

type Ours = Pick<AwsFederatedIdentity | AwsOidcProvider, 'metadata' | 'status'>;

function unreadiness(object: Ours | undefined, reason = 'Succeeded', type = 'Ready'): string | undefined {
  if (object === undefined) return 'is gone';
  const ready: Condition | undefined = object.status?.conditions?.find((one) => one.type === type);
  const isNew = ready?.observedGeneration === object.metadata.generation;
  const isTold = ready?.reason === reason && (ready.status === 'True') === (reason === 'Succeeded');
  return isNew && isTold
    ? undefined
    : `says ${type} ${ready?.reason} of generation ${ready?.observedGeneration}: ${ready?.message}`;
}

type Seen = Pick<Act, 'identities' | 'providers' | 'table' | 'serviceAccounts'>;

async function look({ lane: { user, name }, namespace }: Stage): Promise<Seen> {
  const here = <T extends KubernetesResource>(path: string): Promise<T[]> =>
    user.getPath(path, signal()).then((list) => [...(list as { readonly items: readonly T[] }).items]);
  const optional = async <T>(read: Promise<T>): Promise<T | undefined> => {
    try {
      return await read;
    } catch (error) {
      if (error instanceof ApiError && isNotFound(error)) return undefined;
      throw error;
    }
  };
  const [identities, serviceAccounts, table, provider] = await Promise.all([
    here<AwsFederatedIdentity>(resourcePath(IDENTITIES, { namespace })),
    here<KubernetesResource>(resourcePath(SERVICE_ACCOUNTS, { namespace })),
    optional(user.get<InjectionTable>(CONFIG_MAPS, { namespace, name: TABLE_NAME }, signal())),
    optional(user.get<AwsOidcProvider>(PROVIDERS, { name }, signal())),
  ]);
  return { identities, serviceAccounts, table, providers: provider === undefined ? [] : [provider] };
}

/** What each identity asks for that is to be ready: a pure function of the specs. */
function wishesOf({ lane }: Stage, seen: Seen, { reasons = {} }: Scene): ReadonlyMap<string, DesiredRole> {
  const { stack, account, name } = lane;
  const issuer = IssuerUrl.parse(stack.cluster.issuer);
  const arn = OidcProviderArn.parse(`arn:aws:iam::${account.id}:oidc-provider/${issuer.slice('https://'.length)}`);
  const [stored] = seen.providers;
  if (stored === undefined) return new Map();
  const provider = { name, spec: stored.spec, arn, issuer };
  const asked = seen.identities.filter(({ metadata }) => (reasons[metadata.name ?? ''] ?? 'Succeeded') === 'Succeeded');
  return new Map(
    asked.map(({ metadata: { namespace = '', name: identity = '', uid = '' }, spec }) => {
      const input = { namespace, name: identity, uid, spec: AwsFederatedIdentitySpec.parse(spec) };
      return [uid, desiredState(input, provider, stack.clusterId).role];
    }),
  );
}

/** The paths of this run's own objects, Events and Lease. */
function ownPathsOf({ lane: { name }, namespace }: Stage): RegExp {
  const inNamespace = `/namespaces/${namespace}/`;
  const paths = [
    `/awsoidcproviders/${name}(/status)?$`,
    `${inNamespace}awsfederatedidentities/[^/]+(/status)?$`,
    `${inNamespace}configmaps(/${TABLE_NAME})?$`,
    `${inNamespace}serviceaccounts(/(app|kept))?$`,
    `/events(/[^/]+)?$`,
    `/namespaces/federated-identity-system/leases(/[^/]+)?$`,
  ];
  return new RegExp(paths.join('|'));
}
