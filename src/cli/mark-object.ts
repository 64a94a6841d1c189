import { ApiError } from '../kube/errors.ts';
import { type AwsFederatedIdentity, type AwsOidcProvider, IDENTITIES, PROVIDERS } from '../kube/kinds.ts';
import type { ClusterConnection } from '../kube/kubeconfig.ts';
import type { ObjectName, ResourceType } from '../kube/resource.ts';
import { getIfThere } from './cluster-reads.ts';
import { CliError, kubernetesFailure } from './failures.ts';
import { healthOf } from './status-tree.ts';

/** JSON merge patch as a person, never under the operator's field manager. Rejects with an ApiError or a network error. */
export type PatchObject = (type: ResourceType, name: ObjectName, patch: ObjectPatch) => Promise<void>;

export interface ObjectPatch {
  readonly annotations?: Readonly<Record<string, string>>;
  readonly spec?: { readonly suspend: boolean };
}

export interface MarkDependencies {
  readonly cluster: ClusterConnection;
  readonly patch: PatchObject;
  readonly now: () => Date;
  readonly sleep: (ms: number) => Promise<unknown>;
  readonly signal: AbortSignal;
}

/** An object that a command names. */
export interface Target {
  readonly type: ResourceType;
  readonly name: ObjectName;
}

type Ours = AwsFederatedIdentity | AwsOidcProvider;

/** `NAME` is an identity of the namespace, `provider/NAME` an AwsOidcProvider. */
export const targetOf = (argument: string, namespace: string): Target =>
  argument.startsWith('provider/')
    ? { type: PROVIDERS, name: { name: argument.slice('provider/'.length) } }
    : { type: IDENTITIES, name: { namespace, name: argument } };

export const titleOf = ({ type, name }: Target): string =>
  `${type.kind} ${name.namespace === undefined ? '' : `${name.namespace}/`}${name.name}`;

const REQUESTED_AT = 'federatedidentity.dev/requestedAt';
const ANSWER_WITHIN_MS = 30_000;
const POLL_MS = 500;

/** Asks the operator for a look at AWS now; resolves with the value that its answer will have. Throws a CliError. */
export async function requestReconcile(dependencies: MarkDependencies, target: Target): Promise<string> {
  const object = await existing(dependencies, target);
  if ('suspend' in object.spec && object.spec.suspend) {
    throw new CliError(
      `${titleOf(target)} is suspended, so that the operator would not answer. Next: kubectl aws-identity resume ${target.name.name} -n ${target.name.namespace}`,
    );
  }
  const at = dependencies.now().toISOString();
  await patched(dependencies, target, { annotations: { [REQUESTED_AT]: at } });
  return at;
}

/** Waits up to 30 s for the answer; resolves with what the object says then. Throws a CliError when there is none. */
export async function answerTo(dependencies: MarkDependencies, target: Target, at: string): Promise<string> {
  const { now, sleep } = dependencies;
  const deadline = now().getTime() + ANSWER_WITHIN_MS;
  for (;;) {
    const object = await existing(dependencies, target);
    if (object.status?.lastHandledReconcileAt === at) return outcomeOf(object);
    if (now().getTime() >= deadline) {
      throw new CliError(
        `${titleOf(target)}: no answer to the request within ${ANSWER_WITHIN_MS / 1000} s. It stays asked for; check that the operator runs, and see: kubectl aws-identity status`,
      );
    }
    await sleep(POLL_MS);
  }
}

function outcomeOf(object: Ours): string {
  const { ready, reason, message } = healthOf(object);
  return ready ? 'Ready' : `not Ready: ${reason}: ${message}`;
}

/** Sets spec.suspend of an identity; resolves with whether that was a change. Throws a CliError. */
export async function setSuspend(dependencies: MarkDependencies, target: Target, suspend: boolean): Promise<boolean> {
  if (target.type !== IDENTITIES) {
    throw new CliError(`${titleOf(target)}: only an AwsFederatedIdentity can be suspended or resumed`);
  }
  const { spec } = await existing(dependencies, target);
  if ('suspend' in spec && spec.suspend === suspend) return false;
  await patched(dependencies, target, { spec: { suspend } });
  return true;
}

async function existing({ cluster, signal }: MarkDependencies, target: Target): Promise<Ours> {
  const object = await getIfThere<Ours>(cluster, target.type, target.name, signal);
  if (object !== undefined) return object;
  const { namespace, name } = target.name;
  const where = namespace === undefined ? '' : ` in namespace ${namespace}: choose another with -n`;
  throw new CliError(`there is no ${target.type.kind} "${name}"${where}`);
}

async function patched({ cluster, patch }: MarkDependencies, target: Target, change: ObjectPatch): Promise<void> {
  try {
    await patch(target.type, target.name, change);
  } catch (error) {
    if (error instanceof ApiError && error.code === 403) {
      const text = `you may not patch ${titleOf(target)}: ${error.message}. It takes the right to patch ${target.type.plural}.`;
      throw new CliError(text, { cause: error });
    }
    throw kubernetesFailure(`patch ${titleOf(target)}`, cluster.server, error);
  }
}
