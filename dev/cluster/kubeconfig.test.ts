import { KubeConfig } from '@kubernetes/client-node';
import { expect, test } from 'vitest';
import { kubeconfigYaml } from './kubeconfig.ts';

const content = { url: 'https://127.0.0.1:6443', caCertificate: 'CA', user: 'somebody' } as const;

const load = (yaml: string): KubeConfig => {
  const config = new KubeConfig();
  config.loadFromString(yaml);
  return config;
};

test('the server is verified against the inline authority, never skipped', () => {
  const yaml = kubeconfigYaml({ ...content, credentials: { kind: 'token', token: 'secret' } });
  expect(yaml).not.toContain('insecure');
  expect(load(yaml).getCurrentCluster()).toMatchObject({ server: content.url, caData: 'Q0E=', skipTLSVerify: false });
});

test.each([
  { name: 'a token', credentials: { kind: 'token', token: 'secret' }, expected: { token: 'secret' } },
  {
    name: 'a client certificate',
    credentials: { kind: 'certificate', client: { certificate: 'C', key: 'K' } },
    expected: { certData: 'Qw==', keyData: 'Sw==' },
  },
] as const)('the current user has $name', ({ credentials, expected }) => {
  expect(load(kubeconfigYaml({ ...content, credentials })).getCurrentUser()).toMatchObject(expected);
});
