import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type KeyAndCertificate,
  createAuthority,
  createTokenSigningKey,
  issueCertificate,
  servingHosts,
} from './certificates.ts';
import { AUDIT_POLICY, type Client, type Files } from './control-plane.ts';
import { writeKubeconfig } from './kubeconfig.ts';

const USER = 'federated-identity-dev-admin';

/**
 * Writes all keys of a control plane into `folder` and the admin's kubeconfig. The authority and the token signing
 * key of an earlier run stay, so that its tokens and kubeconfigs go on to work; the rest is made anew.
 */
export async function writeCredentials(
  folder: string,
  options: { readonly issuer: string; readonly url: string; readonly now: Date },
): Promise<{ readonly files: Files; readonly client: Client }> {
  const { issuer, url, now } = options;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const files = fileNames(folder);
  const authority = await existingOrNew(join(folder, 'authority.json'), async () =>
    JSON.stringify(await createAuthority(now)),
  ).then(parseAuthority);
  const serving = await issueCertificate(
    authority,
    { use: 'server', commonName: 'kube-apiserver', hosts: servingHosts(issuer) },
    now,
  );
  const admin = await issueCertificate(
    authority,
    { use: 'client', commonName: USER, organization: 'system:masters' },
    now,
  );
  await existingOrNew(files.tokenSigningKey, createTokenSigningKey);
  await writeSecret(files.authority, authority.certificate);
  await writeSecret(files.servingCertificate, serving.certificate);
  await writeSecret(files.servingKey, serving.key);
  await writeSecret(files.auditPolicy, AUDIT_POLICY);
  const caCertificate = authority.certificate;
  await writeKubeconfig(files.kubeconfig, {
    url,
    caCertificate,
    user: USER,
    credentials: { kind: 'certificate', client: admin },
  });
  return { files, client: { ca: caCertificate, cert: admin.certificate, key: admin.key } };
}

function fileNames(folder: string): Files {
  return {
    folder,
    authority: join(folder, 'ca.crt'),
    servingCertificate: join(folder, 'apiserver.crt'),
    servingKey: join(folder, 'apiserver.key'),
    tokenSigningKey: join(folder, 'service-account.key'),
    kubeconfig: join(folder, 'kubeconfig'),
    auditPolicy: join(folder, 'audit-policy.yaml'),
    auditLog: join(folder, 'audit.log'),
  };
}

async function existingOrNew(file: string, create: () => Promise<string>): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
  const content = await create();
  await writeSecret(file, content);
  return content;
}

function parseAuthority(json: string): KeyAndCertificate {
  return JSON.parse(json) as KeyAndCertificate; // written by this file
}

async function writeSecret(file: string, content: string): Promise<void> {
  await writeFile(file, content, { mode: 0o600 });
}
