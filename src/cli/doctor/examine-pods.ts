import { judgePod } from '../../controllers/pod-stock-take/judge.ts';
import { TOKEN_FILE_VARIABLE } from '../../admission/web-identity.ts';
import { terminal } from '../../errors.ts';
import type { RoleArn } from '../../iam/arn.ts';
import { ApiError } from '../../kube/errors.ts';
import type { ClusterConnection } from '../../kube/kubeconfig.ts';
import { NOT_ENDED, type Pod, PODS, serviceAccountOf } from '../../kube/pods.ts';
import { getIfThere, inNamespace, reading } from '../cluster-reads.ts';
import { CliError } from '../failures.ts';
import { API_SERVER_TOKENS, type AssumedForm, doubtAbout } from '../injection-form.ts';
import { Unseen } from './chain.ts';
import type { Subject } from './diagnose.ts';
import { unseenIfForbidden } from './forbidden.ts';

interface PodsQuestion {
  readonly subject: Subject;
  readonly roleArn: RoleArn;
  readonly form: AssumedForm;
  readonly warn: (warning: string) => void;
}

/** The pods that run now, or the one that was asked for: whether each container has role, token file and mount. */
export async function examinePods(
  cluster: ClusterConnection,
  question: PodsQuestion,
  signal: AbortSignal,
): Promise<string> {
  const { subject, roleArn, form, warn } = question;
  const { name: serviceAccount } = subject.identity.spec.serviceAccount;
  const pods = await podsOf(cluster, subject, signal);
  const doubt = pods.map((pod) => doubtAbout(pod, roleArn, form)).find((one) => one !== undefined);
  if (doubt !== undefined) throw new Unseen(doubt);
  const judged = pods.map((pod) => ({
    name: pod.metadata.name ?? '',
    judgement: judgePod(pod, roleArn, form),
  }));
  for (const { name, judgement } of judged) {
    if (judgement?.override === undefined) continue;
    const { container, variable } = judgement.override;
    warn(
      `Container ${container} of pod ${name} sets ${variable}, which SDKs prefer to the token: it acts as somebody else. Remove it from the pod's template.`,
    );
  }
  const bare = judged.filter(({ judgement }) => judgement?.injection.kind === 'notInjected');
  const stale = judged.filter(({ judgement }) => judgement?.injection.kind === 'stale');
  const [first] = [...bare, ...stale];
  if (first !== undefined) throw wrongPods(subject, first, bare.length + stale.length);
  for (const pod of pods) checkTokenFile(pod);
  await tryNewPod(cluster, question, signal);
  const ours = judged.filter(({ judgement }) => judgement !== undefined).length;
  return ours === 0
    ? `no pod of ServiceAccount ${serviceAccount} runs that wants the role; a new one is injected`
    : `${ours} ${ours === 1 ? 'pod has' : 'pods have'} role, token file and mount in every container, and so would a new one`;
}

function checkTokenFile({ metadata, spec }: Pod): void {
  for (const { name, env = [] } of [...(spec.initContainers ?? []), ...spec.containers]) {
    const file = env.find((variable) => variable.name === TOKEN_FILE_VARIABLE)?.value;
    if (file?.startsWith(API_SERVER_TOKENS) !== true) continue;
    throw terminal(
      'PodsNotInjected',
      `Container ${name} of pod ${metadata.name} reads the token ${file}, which is for the API server and has another audience or none: STS refuses it. Take ${TOKEN_FILE_VARIABLE} out of the pod's template.`,
    );
  }
}

function wrongPods(
  { identity: { metadata } }: Subject,
  { name, judgement }: { readonly name: string; readonly judgement: ReturnType<typeof judgePod> },
  count: number,
): Error {
  const injection = judgement?.injection;
  const others = count > 1 ? ` (and ${count - 1} more)` : '';
  const next = `Replace it: kubectl aws-identity restart ${metadata.name} -n ${metadata.namespace} --stale.`;
  return injection?.kind === 'stale'
    ? terminal('PodsStale', `Pod ${name}${others} runs with the role ${injection.roleArn} of before. ${next}`)
    : terminal(
        'PodsNotInjected',
        `Pod ${name}${others} runs without credentials: container ${injection?.kind === 'notInjected' ? injection.container : ''} lacks role, token file or mount. It was created before the identity was bound, or injection failed then. ${next}`,
      );
}

async function podsOf(cluster: ClusterConnection, subject: Subject, signal: AbortSignal): Promise<readonly Pod[]> {
  const { namespace = '' } = subject.identity.metadata;
  const { name: serviceAccount } = subject.identity.spec.serviceAccount;
  if (subject.pod !== undefined)
    return [await onePod(cluster, { namespace, name: subject.pod, serviceAccount }, signal)];
  const fieldSelector = `spec.serviceAccountName=${serviceAccount},${NOT_ENDED}`;
  const { items } = await reading(cluster, `list Pods in namespace ${namespace}`, () =>
    cluster.kubernetes.list<Pod>(inNamespace(PODS, namespace), { fieldSelector }, signal),
  ).catch(unseenIfForbidden(`the pods of namespace ${namespace}`));
  return items;
}

/** Passes the strictest Pod Security Standard, so that only injection and its gates have a say. Never runs. */
const probe = (namespace: string, serviceAccountName: string) => ({
  metadata: { namespace, generateName: 'aws-identity-doctor-' },
  spec: {
    serviceAccountName,
    securityContext: { runAsNonRoot: true, runAsUser: 65_532, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [
      {
        name: 'doctor',
        image: 'never-pulled',
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
      },
    ],
  },
});

/** Whether injection works now, by a pod that is admitted in a dry run. Other policies may refuse it: that only warns. */
async function tryNewPod(
  cluster: ClusterConnection,
  { subject, roleArn, form, warn }: PodsQuestion,
  signal: AbortSignal,
): Promise<void> {
  const { namespace = '' } = subject.identity.metadata;
  const candidate = probe(namespace, subject.identity.spec.serviceAccount.name);
  try {
    const admitted = await cluster.kubernetes.tryCreate(PODS, candidate, signal);
    const judgement = judgePod(admitted, roleArn, form);
    if (judgement?.injection.kind === 'injected') return;
    throw terminal(
      'PodsNotInjected',
      'A new pod would be let in without the role: neither the injection nor its gates are at work. Apply config/admission again: kubectl apply --server-side -k config/default (or config/default-webhook before Kubernetes 1.36).',
    );
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.message.includes(OUR_POLICIES))
      throw terminal('PodsNotInjected', `A new pod would be denied: ${error.message}`);
    warn(`Whether a new pod would be injected was not tried: ${error.message}`);
  }
}

/** Names of our policies begin so; the API server puts the name of the one that denies into its message. */
const OUR_POLICIES = 'federated-identity-';

interface PodName {
  readonly namespace: string;
  readonly name: string;
  readonly serviceAccount: string;
}

async function onePod(
  cluster: ClusterConnection,
  { namespace, name, serviceAccount }: PodName,
  signal: AbortSignal,
): Promise<Pod> {
  const pod = await getIfThere<Pod>(cluster, PODS, { namespace, name }, signal);
  if (pod === undefined) throw new CliError(`there is no pod "${name}" in namespace ${namespace}`);
  if (serviceAccountOf(pod) === serviceAccount) return pod;
  throw terminal(
    'PodsNotInjected',
    `Pod ${name} runs as ServiceAccount ${serviceAccountOf(pod)}, and this identity is for ${serviceAccount}. Set spec.serviceAccountName in the pod's template.`,
  );
}
