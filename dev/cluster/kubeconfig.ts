import { writeFile } from 'node:fs/promises';
import { stringify } from 'yaml';
import type { KeyAndCertificate } from './certificates.ts';

type Credentials =
  | { readonly kind: 'certificate'; readonly client: KeyAndCertificate }
  | { readonly kind: 'token'; readonly token: string };

export interface KubeconfigContent {
  readonly url: string;
  readonly caCertificate: string;
  readonly user: string;
  readonly credentials: Credentials;
}

/** A kubeconfig with one context and the data inline, so that the file works wherever it is copied to. */
export function kubeconfigYaml({ url, caCertificate, user, credentials }: KubeconfigContent): string {
  const name = 'federated-identity-dev';
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: url, 'certificate-authority-data': base64(caCertificate) } }],
    users: [{ name: user, user: userFields(credentials) }],
    contexts: [{ name, context: { cluster: name, user } }],
    'current-context': name,
  });
}

/** Writes the kubeconfig, readable by its owner only. */
export async function writeKubeconfig(file: string, content: KubeconfigContent): Promise<void> {
  await writeFile(file, kubeconfigYaml(content), { mode: 0o600 });
}

function userFields(credentials: Credentials): Record<string, string> {
  switch (credentials.kind) {
    case 'certificate':
      return {
        'client-certificate-data': base64(credentials.client.certificate),
        'client-key-data': base64(credentials.client.key),
      };
    case 'token':
      return { token: credentials.token };
    default:
      return credentials satisfies never;
  }
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
