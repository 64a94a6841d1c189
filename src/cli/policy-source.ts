import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import { ClusterIssuer } from '../controllers/aws-oidc-provider/cluster-issuer.ts';
import { acceptedIssuer } from '../controllers/aws-oidc-provider/desired.ts';
import { AwsOidcProviderSpec } from '../crds/aws-oidc-provider.ts';
import { API_VERSION } from '../crds/manifest.ts';
import { ReconcileError } from '../errors.ts';
import type { IssuerUrl, Partition } from '../iam/arn.ts';
import { partitionOfRegion } from '../iam/partition.ts';
import type { ClusterConnection } from '../kube/kubeconfig.ts';
import { type AwsOidcProvider, NAMESPACES, PROVIDERS } from '../kube/kinds.ts';
import type { ObjectName } from '../kube/resource.ts';
import { parseYaml } from '../kube/yaml.ts';
import { parseIssuer } from '../oidc/issuer.ts';
import { getIfThere } from './cluster-reads.ts';
import { CliError } from './failures.ts';

/** Which AwsOidcProvider a command is about, and how its issuer is found. */
export interface ProviderSelection {
  /** Its name; with a file that has only one it may be left out. */
  readonly name: string | undefined;
  /** A manifest, `-` for standard input. Absent: the object in the cluster. */
  readonly file: string | undefined;
  /** Absent: the issuer of the cluster's tokens. */
  readonly issuer: string | undefined;
  /** The operator's ServiceAccount, of which a token is minted. */
  readonly serviceAccount: ObjectName;
}

/** A provider with all that must be known of the cluster to decide what the operator may do for it. */
export interface ProviderFacts {
  readonly name: string;
  /** Undefined as long as the object is not in the cluster. */
  readonly uid: string | undefined;
  readonly spec: AwsOidcProviderSpec;
  readonly issuer: IssuerUrl;
  /** UID of the namespace kube-system. */
  readonly cluster: string;
  readonly partition: Partition;
}

/** Reads a provider, from the cluster or a file, and the cluster. Makes no call to AWS. Throws a CliError. */
export async function readProviderFacts(
  cluster: ClusterConnection,
  selection: ProviderSelection,
  signal: AbortSignal,
): Promise<ProviderFacts> {
  const { name, object, given } = await providerOf(cluster, selection, signal);
  const spec = parsedSpec(name, given);
  const kubeSystem = await getIfThere(cluster, NAMESPACES, { name: 'kube-system' }, signal);
  return {
    name,
    uid: object?.metadata.uid,
    spec,
    issuer: await issuerOf(cluster, spec, selection, signal),
    cluster: kubeSystem?.metadata.uid ?? '',
    partition: object?.status?.partition ?? partitionOfRegion(spec.region),
  };
}

/** What is given, by file or by name; `object` is the one in the cluster, if it is there. */
async function providerOf(
  cluster: ClusterConnection,
  selection: ProviderSelection,
  signal: AbortSignal,
): Promise<{ readonly name: string; readonly given: unknown; readonly object: AwsOidcProvider | undefined }> {
  const { file } = selection;
  const manifest = file === undefined ? undefined : chosenProvider(await read(file), selection);
  const name = manifest?.name ?? selection.name ?? 'default';
  const object = await getIfThere<AwsOidcProvider>(cluster, PROVIDERS, { name }, signal);
  const given = manifest?.spec ?? object?.spec;
  if (given !== undefined) return { name, given, object };
  throw new CliError(
    `there is no AwsOidcProvider "${name}" in the cluster: name another one, or give its manifest with -f`,
  );
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file === '-' ? '/dev/stdin' : file, 'utf8');
  } catch (error) {
    throw new CliError(`cannot read ${file}: ${textOf(error)}`, { cause: error });
  }
}

const Manifest = z.object({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal(PROVIDERS.kind),
  metadata: z.object({ name: z.string().min(1) }),
  spec: z.unknown(),
});

interface GivenProvider {
  readonly name: string;
  readonly spec: unknown;
}

/** The provider in a manifest: the one that is named, or the only one. Throws a CliError. */
export function chosenProvider(text: string, { file, name }: Pick<ProviderSelection, 'file' | 'name'>): GivenProvider {
  const providers = documentsOf(text, file)
    .map((document) => Manifest.safeParse(document))
    .flatMap(({ data }): readonly GivenProvider[] =>
      data === undefined ? [] : [{ name: data.metadata.name, spec: data.spec }],
    );
  const [first, ...more] = name === undefined ? providers : providers.filter((one) => one.name === name);
  if (first === undefined) {
    const which = name === undefined ? 'AwsOidcProvider' : `AwsOidcProvider "${name}"`;
    throw new CliError(`${file} has no ${which} of ${API_VERSION}`);
  }
  if (more.length === 0) return first;
  const names = providers.map((one) => one.name).join(', ');
  throw new CliError(`${file} has several AwsOidcProviders (${names}): name one of them`);
}

function documentsOf(text: string, file: string | undefined): readonly unknown[] {
  try {
    return parseYaml(text);
  } catch (error) {
    throw new CliError(`${file} is no YAML: ${textOf(error)}`, { cause: error });
  }
}

function parsedSpec(name: string, spec: unknown): AwsOidcProviderSpec {
  const parsed = AwsOidcProviderSpec.safeParse(spec);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => `spec.${path.join('.')}: ${message}`).join('; ');
  throw new CliError(`AwsOidcProvider "${name}" is not valid: ${problems}`);
}

/** Any token tells the issuer, so that of the namespace default will do before the operator is installed. */
const ANY_SERVICE_ACCOUNT: ObjectName = { namespace: 'default', name: 'default' };

async function issuerOf(
  { kubernetes }: ClusterConnection,
  spec: AwsOidcProviderSpec,
  { issuer: given, serviceAccount }: ProviderSelection,
  signal: AbortSignal,
): Promise<IssuerUrl> {
  const [audience = ''] = spec.clientIds;
  const issuerBy = (account: ObjectName): Promise<string> =>
    new ClusterIssuer({ kubernetes, serviceAccount: account, now: () => new Date() }).read(audience, signal);
  try {
    if (given !== undefined) return parseIssuer(given);
    return acceptedIssuer(spec, await issuerBy(serviceAccount).catch(() => issuerBy(ANY_SERVICE_ACCOUNT)));
  } catch (error) {
    if (!(error instanceof ReconcileError)) throw error;
    const hint =
      error.reason === 'TokenRequestFailed' ? ' You need the right to create a token there, or --issuer.' : '';
    throw new CliError(`${error.message}${hint}`, { cause: error });
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
