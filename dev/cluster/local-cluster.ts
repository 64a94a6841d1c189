import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { certificateAuthority, prepareCluster, writeServiceAccountKubeconfig } from './admin.ts';
import type { Binaries } from './binaries.ts';
import { createTokenSigningKey } from './certificates.ts';
import {
  type Client,
  type Files,
  type Ports,
  type Signing,
  apiServerArguments,
  freePorts,
  startApiServer,
  startControllerManager,
  startEtcd,
  waitUntilReady,
} from './control-plane.ts';
import { writeCredentials } from './credentials.ts';
import type { ApiServerChange, Cluster } from './interface.ts';
import { type Service, whenThisProcessEnds } from './process.ts';

export interface LocalClusterOptions {
  readonly issuer: string;
  readonly folder: string;
  readonly keep: boolean;
}

const START_ATTEMPTS = 3;
const GRACE_MS = 10_000;

interface Running {
  readonly files: Files;
  readonly ports: Ports;
  readonly client: Client;
  readonly url: string;
  readonly etcd: Service;
  apiServer: Service;
  signing: Signing;
  controllerManager: Service | undefined;
}

/**
 * etcd, kube-apiserver and, when its program is given, kube-controller-manager as processes of this machine, on
 * loopback only. Throws with the last lines of the log of the service that failed.
 */
export async function startLocalCluster(binaries: Binaries, options: LocalClusterOptions): Promise<Cluster> {
  const { folder, keep } = options;
  const cleanup = keep ? undefined : whenThisProcessEnds('sleep 1; rm -rf -- "$1"', folder);
  const discard = async (): Promise<void> => {
    if (!keep) await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    cleanup?.[Symbol.dispose]();
  };
  let running: Running;
  try {
    running = await startServices(binaries, options);
  } catch (error) {
    await discard();
    throw error;
  }
  const { files, url } = running;
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopped ??= stopServices(running, keep).then(discard);
    return stopped;
  };
  return {
    url,
    get issuer() {
      return running.signing.issuers[0];
    },
    folder,
    version: binaries.version,
    kubectl: binaries.kubectl,
    kubeconfig: files.kubeconfig,
    auditLog: files.auditLog,
    caCertificate: certificateAuthority(files.kubeconfig),
    stop,
    [Symbol.asyncDispose]: stop,
    restartApiServer: async (change = {}) => {
      await running.apiServer.stop(0);
      running.signing = await changedSigning(running, change);
      const args = apiServerArguments(files, running.ports, running.signing);
      running.apiServer = await startApiServer(binaries, files, args);
      await waitUntilReady([running.etcd, running.apiServer], url, running.client);
    },
    kubeconfigFor: ({ serviceAccount }) => writeServiceAccountKubeconfig(files.kubeconfig, serviceAccount, folder),
  };
}

/** Another program may take a port between the choice and the start: then once more with other ports. */
async function startServices(binaries: Binaries, options: LocalClusterOptions): Promise<Running> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startOnce(binaries, options);
    } catch (error) {
      const taken = error instanceof Error && error.message.includes('address already in use');
      if (!taken || attempt === START_ATTEMPTS) throw error;
    }
  }
}

async function startOnce(binaries: Binaries, { folder, issuer }: LocalClusterOptions): Promise<Running> {
  const ports = await freePorts();
  const url = `https://127.0.0.1:${ports.apiServer}`;
  const { files, client } = await writeCredentials(folder, { issuer, url, now: new Date() });
  const started: Service[] = [];
  try {
    const etcd = await startEtcd(binaries, files, ports);
    started.push(etcd);
    const signing: Signing = { issuers: [issuer], keys: [files.tokenSigningKey] };
    const apiServer = await startApiServer(binaries, files, apiServerArguments(files, ports, signing));
    started.push(apiServer);
    await waitUntilReady(started, url, client);
    await prepareCluster(files.kubeconfig);
    const { controllerManager: program } = binaries;
    const controllerManager = program === undefined ? undefined : await startControllerManager(program, files);
    return { files, ports, client, url, etcd, apiServer, signing, controllerManager };
  } catch (error) {
    await Promise.all(started.map((service) => service.stop(0)));
    throw error;
  }
}

async function changedSigning(
  { signing, files }: Running,
  { issuers = signing.issuers, newSigningKey }: ApiServerChange,
): Promise<Signing> {
  if (newSigningKey === undefined) return { ...signing, issuers };
  const file = join(files.folder, `service-account-${signing.keys.length + 1}.key`);
  await writeFile(file, await createTokenSigningKey(), { mode: 0o600 });
  return { issuers, keys: [file, ...signing.keys] };
}

/** Data that is thrown away needs no orderly end. */
async function stopServices({ etcd, apiServer, controllerManager }: Running, keep: boolean): Promise<void> {
  const graceMs = keep ? GRACE_MS : 0;
  await controllerManager?.stop(0);
  await apiServer.stop(0);
  await etcd.stop(graceMs);
}
