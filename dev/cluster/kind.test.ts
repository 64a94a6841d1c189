import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { kindConfig, whyNoKind } from './kind.ts';

describe('kindConfig', () => {
  const config = parse(kindConfig('https://oidc.test.example', '/folder/audit'));
  const kubeadm = parse(config.kubeadmConfigPatches[0]);
  const flags = new Map(kubeadm.apiServer.extraArgs.map(({ name, value }: Record<string, string>) => [name, value]));

  test('is one node that listens on loopback only', () => {
    expect(config).toMatchObject({
      apiVersion: 'kind.x-k8s.io/v1alpha4',
      kind: 'Cluster',
      networking: { apiServerAddress: '127.0.0.1' },
    });
    expect(config.nodes).toHaveLength(1);
  });

  test('patches the kubeadm document that kind writes from Kubernetes 1.36 on', () => {
    expect(kubeadm).toMatchObject({ apiVersion: 'kubeadm.k8s.io/v1beta4', kind: 'ClusterConfiguration' });
  });

  test('makes the API server sign as the issuer and publish its keys there', () => {
    expect(flags.get('service-account-issuer')).toBe('https://oidc.test.example');
    expect(flags.get('service-account-jwks-uri')).toBe('https://oidc.test.example/openid/v1/jwks');
  });

  test('puts the issuer into the certificate and keeps the names that kind needs', () => {
    expect(kubeadm.apiServer.certSANs).toEqual(
      expect.arrayContaining(['oidc.test.example', '127.0.0.1', 'localhost', 'kubernetes.default.svc']),
    );
  });

  test('brings the audit log out of the node through both mounts', () => {
    const [mount] = config.nodes[0].extraMounts;
    const [volume] = kubeadm.apiServer.extraVolumes;
    expect(mount.hostPath).toBe('/folder/audit');
    expect(volume.hostPath).toBe(mount.containerPath);
    expect(flags.get('audit-log-path')).toBe(`${volume.mountPath}/audit.log`);
    expect(flags.get('audit-policy-file')).toBe(`${volume.mountPath}/policy.yaml`);
  });
});

describe.runIf(process.platform === 'linux')('whyNoKind', () => {
  test.each([
    { name: 'no Docker at all', programs: {}, expected: 'the Docker daemon does not answer (docker info failed)' },
    {
      name: 'a Docker client without a daemon',
      programs: { docker: 1, kind: 0 },
      expected: 'the Docker daemon does not answer (docker info failed)',
    },
    { name: 'Docker without kind', programs: { docker: 0 }, expected: 'Docker runs, but kind is not on PATH' },
    { name: 'Docker and kind: no reason', programs: { docker: 0, kind: 0 }, expected: undefined },
  ])('$name', async ({ programs, expected }) => {
    const PATH = await mkdtemp(join(tmpdir(), 'kind-test-'));
    onTestFinished(() => rm(PATH, { recursive: true }));
    for (const [program, code] of Object.entries(programs)) {
      await writeFile(join(PATH, program), `#!/bin/sh\nexit ${code}\n`, { mode: 0o755 });
    }
    expect(await whyNoKind({ PATH })).toBe(expected);
  });
});
