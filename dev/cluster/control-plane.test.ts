import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import {
  apiServerArguments,
  etcdArguments,
  freePorts,
  issuerArguments,
  type Signing,
  waitUntilReady,
} from './control-plane.ts';
import { startService } from './process.ts';

const files = {
  folder: '/f',
  authority: '/f/ca.crt',
  servingCertificate: '/f/apiserver.crt',
  servingKey: '/f/apiserver.key',
  tokenSigningKey: '/f/sa.key',
  kubeconfig: '/f/kubeconfig',
  auditPolicy: '/f/policy.yaml',
  auditLog: '/f/audit.log',
};
const ports = { apiServer: 1, etcd: 2, etcdPeer: 3 };

test.each([
  { name: 'as it is', issuer: 'https://oidc.example', jwks: 'https://oidc.example/openid/v1/jwks' },
  {
    name: 'with its trailing slash, which is part of iss',
    issuer: 'https://oidc.example/',
    jwks: 'https://oidc.example/openid/v1/jwks',
  },
])('the issuer is kept $name', ({ issuer, jwks }) => {
  expect(issuerArguments(issuer)).toEqual(
    expect.arrayContaining([`--service-account-issuer=${issuer}`, `--service-account-jwks-uri=${jwks}`]),
  );
});

const SIGNING: Signing = { issuers: ['https://i.example'], keys: ['/keys/one'] };

test('nothing listens beyond loopback', () => {
  const listening = [...etcdArguments(files, ports), ...apiServerArguments(files, ports, SIGNING)].filter((argument) =>
    /^--(listen|bind|secure-port)/.test(argument),
  );
  expect(listening).toEqual([
    '--listen-client-urls=http://127.0.0.1:2',
    '--listen-peer-urls=http://127.0.0.1:3',
    '--secure-port=1',
    '--bind-address=127.0.0.1',
  ]);
});

test('admission stays as Kubernetes ships it, ServiceAccount and PodSecurity included', () => {
  expect(apiServerArguments(files, ports, SIGNING).join(' ')).not.toMatch(/admission-plugins|anonymous/);
});

test('free ports differ from each other', async () => {
  const { apiServer, etcd, etcdPeer } = await freePorts();
  expect(new Set([apiServer, etcd, etcdPeer, 0]).size).toBe(4);
});

test('an API server that ends at its start is reported with the last lines of its log, at once', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'control-plane-test-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const script = 'echo unknown flag: --nonsense >&2; exit 1';
  const service = await startService({
    name: 'kube-apiserver',
    program: '/bin/sh',
    args: ['-c', script],
    logFile: join(folder, 'log'),
  });
  const ready = waitUntilReady([service], 'https://127.0.0.1:1', { ca: '', cert: '', key: '' });
  await expect(ready).rejects.toThrow('kube-apiserver ended. The last lines of its log:\nunknown flag: --nonsense');
});

test('the first issuer and the first key are those of new tokens; the others are still accepted', () => {
  const signing: Signing = {
    issuers: ['https://new.example', 'https://old.example'],
    keys: ['/keys/two', '/keys/one'],
  };
  const args = apiServerArguments(files, ports, signing).filter((one) => one.startsWith('--service-account-'));
  expect(args).toEqual([
    '--service-account-issuer=https://new.example',
    '--service-account-issuer=https://old.example',
    '--service-account-jwks-uri=https://new.example/openid/v1/jwks',
    '--service-account-key-file=/keys/two',
    '--service-account-key-file=/keys/one',
    '--service-account-signing-key-file=/keys/two',
  ]);
});
