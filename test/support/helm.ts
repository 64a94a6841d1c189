import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { obtainHelm } from '../../dev/cluster/helm.ts';
import { run } from '../../dev/cluster/process.ts';

export const CHART = fileURLToPath(new URL('../../charts/federated-identity-operator', import.meta.url));
export const RELEASE = 'federated-identity';

/** An object of a rendering, as far as tests look into any of them. */
export interface Rendered {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** Runs helm with values on its standard input; resolves with its output, rejects with its error text. */
export async function helm(
  args: readonly string[],
  { values = {}, kubeconfig }: { readonly values?: object; readonly kubeconfig?: string } = {},
): Promise<string> {
  const program = await obtainHelm((line) => process.stderr.write(`▸ ${line}\n`));
  const env = { ...process.env, KUBECONFIG: kubeconfig ?? '/dev/null' };
  return run(program, args, { env, input: JSON.stringify(values), timeoutMs: 180_000 });
}

/** What the chart says of itself to a cluster of Kubernetes 1.36 that serves MutatingAdmissionPolicy v1. */
export const NEW_CLUSTER = [
  '--kube-version=1.36.0',
  '--api-versions=admissionregistration.k8s.io/v1/MutatingAdmissionPolicy',
] as const;

/** Renders the chart for a namespace. */
export const render = (
  values: object,
  capabilities: readonly string[] = NEW_CLUSTER,
  namespace = 'federated-identity-system',
): Promise<string> =>
  helm(['template', RELEASE, CHART, '--namespace', namespace, '--values', '-', ...capabilities], { values });

export const objectsOf = (manifests: string): readonly Rendered[] =>
  parseAllDocuments(manifests, { merge: true })
    .map((document): unknown => document.toJS())
    .filter((object): object is Rendered => object !== null);
