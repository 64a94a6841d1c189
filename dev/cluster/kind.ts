import { randomBytes } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { certificateAuthority, prepareCluster, serverUrl, writeServiceAccountKubeconfig } from './admin.ts';
import { servingHosts } from './certificates.ts';
import { AUDIT_POLICY, auditArguments, issuerArguments } from './control-plane.ts';
import type { Cluster } from './interface.ts';
import { run, whenThisProcessEnds } from './process.ts';
import { type Progress, withProgress } from './progress.ts';
import { KUBERNETES_VERSION, minorVersion } from './version.ts';

const AUDIT_MOUNT = '/var/log/kubernetes-audit';

/** Why kind can't be used here, or undefined when it can. */
export async function whyNoKind(environment: NodeJS.ProcessEnv): Promise<string | undefined> {
  const env = { ...environment };
  if (!(await answers('docker', ['info'], env))) return 'the Docker daemon does not answer (docker info failed)';
  if (!(await answers('kind', ['version'], env))) return 'Docker runs, but kind is not on PATH';
  if (process.platform !== 'linux' && !(await hasMatchingKubectl(env))) {
    return `Docker and kind are there, but no kubectl ${minorVersion(KUBERNETES_VERSION)} is on PATH`;
  }
  return undefined;
}

/**
 * kind's configuration of one node whose API server has the issuer, the certificate names and the audit log that
 * the local control plane has too. kind 0.33 speaks kubeadm v1beta4 from Kubernetes 1.36 on, where extraArgs is a
 * list; a merge patch replaces lists, so the names that kind itself sets are repeated.
 */
export function kindConfig(issuer: string, auditFolder: string): string {
  const flags = [
    ...issuerArguments(issuer),
    ...auditArguments(`${AUDIT_MOUNT}/policy.yaml`, `${AUDIT_MOUNT}/audit.log`),
  ];
  const extraArgs = flags.map((flag) => {
    const [, name, value] = /^--([^=]+)=(.*)$/.exec(flag) ?? [];
    return { name, value };
  });
  const mount = { name: 'audit', hostPath: AUDIT_MOUNT, mountPath: AUDIT_MOUNT, pathType: 'DirectoryOrCreate' };
  const kubeadm = {
    apiVersion: 'kubeadm.k8s.io/v1beta4',
    kind: 'ClusterConfiguration',
    apiServer: { certSANs: servingHosts(issuer), extraArgs, extraVolumes: [mount] },
  };
  return stringify({
    apiVersion: 'kind.x-k8s.io/v1alpha4',
    kind: 'Cluster',
    networking: { apiServerAddress: '127.0.0.1' },
    nodes: [{ role: 'control-plane', extraMounts: [{ hostPath: auditFolder, containerPath: AUDIT_MOUNT }] }],
    kubeadmConfigPatches: [stringify(kubeadm)],
  });
}

export interface KindOptions {
  readonly issuer: string;
  readonly folder: string;
  readonly keep: boolean;
  readonly progress: Progress;
  readonly environment: NodeJS.ProcessEnv;
}

/**
 * Creates a kind cluster with a name of its own, which is deleted at stop or when this process ends; `keep` keeps
 * its folder only. Throws ProgramError with what kind said.
 */
export async function startKindCluster(options: KindOptions): Promise<Cluster> {
  const { issuer, folder, environment: env } = options;
  const name = `federated-identity-${randomBytes(3).toString('hex')}`;
  const node = `${name}-control-plane`;
  const kubeconfig = join(folder, 'kubeconfig');
  const cleanup = whenThisProcessEnds('kind delete cluster --name "$1"', name);
  const deleteCluster = async (): Promise<void> => {
    await run('kind', ['delete', 'cluster', '--name', name, '--kubeconfig', kubeconfig], { env });
    if (!options.keep) await rm(folder, { recursive: true, force: true });
    cleanup[Symbol.dispose]();
  };
  try {
    const auditLog = await createKindCluster(name, kubeconfig, options);
    const kubectl = await nodeKubectl(node, folder, env);
    await prepareCluster(kubeconfig);
    let stopped: Promise<void> | undefined;
    const stop = (): Promise<void> => (stopped ??= deleteCluster());
    return {
      url: serverUrl(kubeconfig),
      kubeconfig,
      kubectl,
      issuer,
      folder,
      auditLog,
      version: KUBERNETES_VERSION,
      caCertificate: certificateAuthority(kubeconfig),
      stop,
      [Symbol.asyncDispose]: stop,
      restartApiServer: async (change) => {
        if (change !== undefined) throw new Error('the flags of a kind cluster are fixed: use the local control plane');
        await restartApiServer(node, [kubectl, kubeconfig], env);
      },
      kubeconfigFor: ({ serviceAccount }) => writeServiceAccountKubeconfig(kubeconfig, serviceAccount, folder),
    };
  } catch (error) {
    await deleteCluster().catch(() => {}); // the error of the creation tells more than that of the clean-up
    throw error;
  }
}

/** Returns the path of the audit log, which the node writes through a mount. */
async function createKindCluster(name: string, kubeconfig: string, options: KindOptions): Promise<string> {
  const audit = join(options.folder, 'audit');
  await mkdir(audit, { recursive: true });
  await writeFile(join(audit, 'policy.yaml'), AUDIT_POLICY);
  const image = `kindest/node:v${KUBERNETES_VERSION}`;
  const where = ['--name', name, '--image', image, '--kubeconfig', kubeconfig];
  await withProgress(options.progress, `creating kind cluster ${name} (${image}), 1-3 minutes`, () =>
    run('kind', ['create', 'cluster', ...where, '--wait', '120s', '--config', '-'], {
      env: options.environment,
      input: kindConfig(options.issuer, audit),
    }),
  );
  return join(audit, 'audit.log');
}

/** The node's own kubectl, which has the right version, where its operating system is ours. */
async function nodeKubectl(node: string, folder: string, env: NodeJS.ProcessEnv): Promise<string> {
  if (process.platform !== 'linux') return 'kubectl';
  const kubectl = join(folder, 'kubectl');
  await run('docker', ['cp', '--follow-link', `${node}:/usr/bin/kubectl`, kubectl], { env });
  return kubectl;
}

/** The kubelet of the node starts the killed static pod again. */
async function restartApiServer(
  node: string,
  [kubectl, kubeconfig]: readonly [string, string],
  env: NodeJS.ProcessEnv,
): Promise<void> {
  await run('docker', ['exec', node, 'pkill', '-KILL', '-x', 'kube-apiserver'], { env });
  const giveUpAt = Date.now() + 120_000;
  for (;;) {
    try {
      await run(kubectl, ['--kubeconfig', kubeconfig, 'get', '--raw', '/readyz'], { env, timeoutMs: 10_000 });
      return;
    } catch (error) {
      if (Date.now() > giveUpAt) throw error;
      await sleep(500);
    }
  }
}

async function answers(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<boolean> {
  return run(program, args, { env, timeoutMs: 10_000 }).then(
    () => true,
    () => false,
  );
}

async function hasMatchingKubectl(env: NodeJS.ProcessEnv): Promise<boolean> {
  const printed = await run('kubectl', ['version', '--client'], { env, timeoutMs: 10_000 }).catch(() => '');
  return printed.includes(`v${minorVersion(KUBERNETES_VERSION)}.`);
}
