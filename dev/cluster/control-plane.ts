import { once } from 'node:events';
import { request } from 'node:https';
import { type Server, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Binaries } from './binaries.ts';
import { type Service, logTail, startService } from './process.ts';

const READY_PATIENCE_MS = 60_000;

/** Where the keys of a control plane lie; `credentials.ts` writes them. */
export interface Files {
  readonly folder: string;
  readonly authority: string;
  readonly servingCertificate: string;
  readonly servingKey: string;
  readonly tokenSigningKey: string;
  readonly kubeconfig: string;
  readonly auditPolicy: string;
  readonly auditLog: string;
}

export interface Ports {
  readonly apiServer: number;
  readonly etcd: number;
  readonly etcdPeer: number;
}

export interface Client {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Three free loopback ports, chosen by the operating system; held until all are known, so that they differ. */
export async function freePorts(): Promise<Ports> {
  const servers = [createServer(), createServer(), createServer()];
  const [apiServer = 0, etcd = 0, etcdPeer = 0] = await Promise.all(servers.map(listen));
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return { apiServer, etcd, etcdPeer };
}

async function listen(server: Server): Promise<number> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server has no port');
  return address.port;
}

export function etcdArguments(files: Files, ports: Ports): readonly string[] {
  const peer = `http://127.0.0.1:${ports.etcdPeer}`;
  const client = `http://127.0.0.1:${ports.etcd}`;
  return [
    `--data-dir=${join(files.folder, 'etcd')}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    '--unsafe-no-fsync', // a crash of the machine may lose data; nothing here is worth the wait
  ];
}

/** How the API server signs tokens. */
export interface Signing {
  /** The first one is the `iss` of new tokens. */
  readonly issuers: readonly [string, ...string[]];
  /** Files of private keys; the first one signs, all verify. */
  readonly keys: readonly [string, ...string[]];
}

export function apiServerArguments(files: Files, ports: Ports, { issuers, keys }: Signing): readonly string[] {
  return [
    `--etcd-servers=http://127.0.0.1:${ports.etcd}`,
    `--secure-port=${ports.apiServer}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    '--endpoint-reconciler-type=none', // a loopback address is no valid endpoint of the Service `kubernetes`
    '--service-cluster-ip-range=10.96.0.0/24,fd00:10:96::/112', // dual-stack
    '--allow-privileged=true',
    `--cert-dir=${files.folder}`,
    `--tls-cert-file=${files.servingCertificate}`,
    `--tls-private-key-file=${files.servingKey}`,
    `--client-ca-file=${files.authority}`,
    '--authorization-mode=RBAC',
    ...issuerArguments(...issuers),
    ...keys.map((key) => `--service-account-key-file=${key}`),
    `--service-account-signing-key-file=${keys[0]}`,
    ...auditArguments(files.auditPolicy, files.auditLog),
  ];
}

/** Flags that make the API server sign tokens as `issuer` and publish its keys below it; tokens of the others stay valid. */
export function issuerArguments(issuer: string, ...others: readonly string[]): readonly string[] {
  return [
    ...[issuer, ...others].map((one) => `--service-account-issuer=${one}`),
    `--service-account-jwks-uri=${issuer.replace(/\/$/, '')}/openid/v1/jwks`,
    '--api-audiences=https://kubernetes.default.svc',
  ];
}

/** Flags for an audit log that is never rotated away under a reader. */
export function auditArguments(policy: string, log: string): readonly string[] {
  return [`--audit-policy-file=${policy}`, `--audit-log-path=${log}`, '--audit-log-maxsize=100000'];
}

/** Who did what to which object, when it was answered; without bodies. */
export const AUDIT_POLICY = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{level: Metadata}]
`;

function controllerManagerArguments(files: Files): readonly string[] {
  return [
    `--kubeconfig=${files.kubeconfig}`,
    `--authentication-kubeconfig=${files.kubeconfig}`,
    `--authorization-kubeconfig=${files.kubeconfig}`,
    `--service-account-private-key-file=${files.tokenSigningKey}`,
    `--root-ca-file=${files.authority}`,
    '--use-service-account-credentials=true',
    '--leader-elect=false',
    '--secure-port=0',
  ];
}

export async function startEtcd(binaries: Binaries, files: Files, ports: Ports): Promise<Service> {
  return startService({
    name: 'etcd',
    program: binaries.etcd,
    args: etcdArguments(files, ports),
    logFile: join(files.folder, 'etcd.log'),
  });
}

export async function startControllerManager(program: string, files: Files): Promise<Service> {
  const name = 'kube-controller-manager';
  return startService({
    name,
    program,
    args: controllerManagerArguments(files),
    logFile: join(files.folder, `${name}.log`),
  });
}

export async function startApiServer(binaries: Binaries, files: Files, args: readonly string[]): Promise<Service> {
  return startService({
    name: 'kube-apiserver',
    program: binaries.apiServer,
    args,
    logFile: join(files.folder, 'kube-apiserver.log'),
  });
}

/** Resolves when /readyz says ok. Throws with the log's last lines when a service ends or 60 s pass. */
export async function waitUntilReady(services: readonly Service[], url: string, client: Client): Promise<void> {
  const giveUpAt = Date.now() + READY_PATIENCE_MS;
  for (;;) {
    const dead = services.find((service) => service.ended);
    if (dead !== undefined) throw await serviceError(dead, 'ended');
    if (await isReady(url, client)) return;
    const last = services.at(-1);
    if (Date.now() > giveUpAt && last !== undefined) {
      throw await serviceError(last, `was not ready within ${READY_PATIENCE_MS / 1000} s`);
    }
    await sleep(100);
  }
}

async function serviceError({ name, logFile }: Service, what: string): Promise<Error> {
  return new Error(`${name} ${what}. The last lines of its log:\n${await logTail(logFile)}`);
}

function isReady(url: string, client: Client): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const get = request(`${url}/readyz`, { ...client, agent: false, timeout: 5_000 }, (response) => {
    response.resume();
    resolve(response.statusCode === 200);
  });
  get.on('error', () => resolve(false)); // not listening yet
  get.on('timeout', () => get.destroy());
  get.end();
  return promise;
}
