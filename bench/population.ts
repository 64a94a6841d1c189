import { type Progress, withProgress } from '../dev/cluster/progress.ts';
import { identityInput, usableProvider } from '../src/controllers/aws-federated-identity/accept.ts';
import { type Desired, desiredState } from '../src/controllers/aws-federated-identity/desired.ts';
import { CONFIG_MAPS, type InjectionTable, TABLE_NAME, tableEntry } from '../src/kube/injection-table.ts';
import {
  type AwsFederatedIdentity,
  type AwsOidcProvider,
  IDENTITIES,
  PROVIDERS,
  SERVICE_ACCOUNTS,
} from '../src/kube/kinds.ts';
import { applyOwnedMetadata } from '../src/kube/owned-metadata.ts';
import type { KubernetesResource } from '../src/kube/resource.ts';
import {
  ACCOUNTS,
  type IdentityName,
  identityOf,
  inParallel,
  makeNamespaces,
  PATIENCE,
  providerName,
  type Scene,
} from './scene.ts';
import { untilReady } from './ready-times.ts';

const PER_NAMESPACE = 100;
const CONCURRENCY = 12;
const TEMPLATE = { namespace: 'bench-template', name: 'bench-template-app' };

export const residentName = (index: number, providers: number): IdentityName => ({
  namespace: `resident-${Math.floor(index / PER_NAMESPACE)}`,
  name: `resident-${index}`,
  provider: index % providers,
});

/**
 * Identities as the operator leaves them, made by hand and not through it: objects with finalizer, label and status,
 * ServiceAccounts, table entries and roles. One that the operator makes is the model of all, so that it finds nothing to
 * do. The operator must not run meanwhile, but for the model.
 */
export async function populate(
  scene: Scene,
  { from, to, providers }: { readonly from: number; readonly to: number; readonly providers: number },
  progress: Progress,
): Promise<void> {
  const model = await modelOf(scene);
  await scene.stack.operator.stop();
  scene.delayAws(0);
  const names = Array.from({ length: to - from }, (_, index) => residentName(from + index, providers));
  await withProgress(progress, `making identities ${from} to ${to} as the operator would leave them`, async () => {
    await makeNamespaces(
      scene,
      names.map(({ namespace }) => namespace),
    );
    const providerObjects = await Promise.all(
      Array.from({ length: providers }, (_, index) =>
        scene.admin.get<AwsOidcProvider>(PROVIDERS, { name: providerName(index) }, PATIENCE),
      ),
    );
    const entries = new Map<string, Record<string, string>>();
    await inParallel(names, CONCURRENCY, async (name) => {
      const { desired, roleArn } = await settle(scene, model, name, providerObjects[name.provider ?? 0]);
      const table = entries.get(name.namespace) ?? {};
      entries.set(name.namespace, { ...table, [name.name]: tableEntry({ roleArn, ...desired.injection }) });
    });
    for (const [namespace, data] of entries)
      await scene.asOperator.create<InjectionTable>(
        CONFIG_MAPS,
        { metadata: { namespace, name: TABLE_NAME }, data },
        PATIENCE,
      );
  });
}

interface Model {
  readonly identity: AwsFederatedIdentity;
  readonly serviceAccount: KubernetesResource;
}

async function modelOf(scene: Scene): Promise<Model> {
  const present = scene.identities.get(TEMPLATE);
  if (present === undefined) {
    await makeNamespaces(scene, [TEMPLATE.namespace]);
    await scene.admin.create(IDENTITIES, identityOf(TEMPLATE), PATIENCE);
    await untilReady(scene, [TEMPLATE]);
  }
  const identity = await scene.admin.get<AwsFederatedIdentity>(IDENTITIES, TEMPLATE, PATIENCE);
  const serviceAccount = await scene.admin.get<KubernetesResource>(SERVICE_ACCOUNTS, TEMPLATE, PATIENCE);
  return { identity, serviceAccount };
}

async function settle(
  { admin, asOperator, stack }: Scene,
  model: Model,
  name: IdentityName,
  provider: AwsOidcProvider | undefined,
): Promise<{
  readonly desired: Desired;
  readonly roleArn: NonNullable<NonNullable<AwsFederatedIdentity['status']>['roleArn']>;
}> {
  const { metadata, spec } = identityOf(name);
  const created = await admin.create<AwsFederatedIdentity>(IDENTITIES, { metadata, spec }, PATIENCE);
  const owned = { finalizer: true, bound: true };
  await applyOwnedMetadata(asOperator, { type: IDENTITIES, metadata: created.metadata }, owned, PATIENCE);
  const input = usableProvider(providerName(name.provider ?? 0), provider);
  const desired = desiredState(identityInput(created), input, stack.clusterId);
  const roleId = await makeRole(stack.aws.account(ACCOUNTS[name.provider ?? 0]), desired);
  const { status } = model.identity;
  const text = JSON.stringify({ status, serviceAccount: ownOf(model.serviceAccount) })
    .replaceAll(`${status?.roleArn}`, roleId.arn)
    .replaceAll(`${status?.roleId}`, roleId.id)
    .replaceAll(`${model.identity.metadata.uid}`, created.metadata.uid ?? '')
    .replaceAll(TEMPLATE.name, name.name)
    .replaceAll(TEMPLATE.namespace, name.namespace)
    .replaceAll('AwsOidcProvider \\"default\\"', `AwsOidcProvider \\"${input.name}\\"`);
  const mine: { status: NonNullable<AwsFederatedIdentity['status']>; serviceAccount: KubernetesResource } =
    JSON.parse(text);
  await asOperator.apply(SERVICE_ACCOUNTS, mine.serviceAccount, PATIENCE); // others' are marked by the admission policy
  await admin.applyStatus<AwsFederatedIdentity>(
    IDENTITIES,
    { metadata: { ...metadata, uid: created.metadata.uid ?? '' }, status: mine.status } as AwsFederatedIdentity,
    PATIENCE,
  );
  if (mine.status.roleArn === undefined) throw new Error('the model has no role');
  return { desired, roleArn: mine.status.roleArn };
}

const ownOf = ({ metadata: { name, namespace, labels, annotations, ownerReferences } }: KubernetesResource) => ({
  metadata: { name, namespace, labels, annotations, ownerReferences },
});

/** As the root of the account; the local AWS makes up the id. */
async function makeRole(
  account: ReturnType<Scene['stack']['aws']['account']>,
  { role }: Desired,
): Promise<{ readonly id: string; readonly arn: string }> {
  const RoleName = role.name;
  await account.perform('CreateRole', {
    RoleName,
    Path: role.path,
    AssumeRolePolicyDocument: role.trustPolicy,
    MaxSessionDuration: role.maxSessionDurationSeconds,
    ...(role.description === '' ? {} : { Description: role.description }),
    Tags: [...role.tags].map(([Key, Value]) => ({ Key, Value })),
  });
  for (const PolicyArn of role.managedPolicyArns) await account.perform('AttachRolePolicy', { RoleName, PolicyArn });
  for (const [PolicyName, PolicyDocument] of role.inlinePolicies)
    await account.perform('PutRolePolicy', { RoleName, PolicyName, PolicyDocument });
  const made = account.role(RoleName);
  if (made === undefined) throw new Error(`role ${RoleName} was not made`);
  return made;
}
