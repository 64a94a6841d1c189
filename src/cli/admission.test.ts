import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { admissionManifests, webhookManifests } from '../admission/manifests.ts';
import { defaultAdmissionOptions } from '../admission/options.ts';
import { admissionCommand } from './admission.ts';

/** What the command prints. */
async function printed(...args: readonly string[]): Promise<string> {
  const lines: string[] = [];
  const terminal = { write: (text: string) => lines.push(text), warn: () => {}, colors: false };
  await admissionCommand(terminal)
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .parseAsync(args, { from: 'user' });
  return lines.join('');
}

const objects = (yaml: string): readonly unknown[] => parseAllDocuments(yaml).map((document) => document.toJS());

describe('kubectl aws-identity admission', () => {
  test('prints what config/admission/policy has, unless told otherwise', async () => {
    const yaml = await printed();
    expect(objects(yaml)).toEqual(admissionManifests(defaultAdmissionOptions));
    expect(yaml).toMatch(/^# Run the operator with: --injection=policy\n/);
  });

  test('prints what config/admission/webhook has', async () => {
    const yaml = await printed('--mode', 'webhook');
    expect(objects(yaml)).toEqual(webhookManifests(defaultAdmissionOptions));
    expect(yaml).toMatch(/^# Run the operator with: --injection=webhook\n/);
  });

  test('follows every choice, and says which flags the operator needs for it', async () => {
    const flags = [
      '--mode=webhook',
      '--namespace=own-system',
      '--service-account=own',
      '--mount-path=/var/run/aws',
      '--annotation-prefix=aws.example.com',
      '--excluded-namespaces=monitoring,istio-system',
      '--webhook-service=own-webhook',
      '--token-audiences=sts.amazonaws.com,own',
    ];
    const yaml = await printed(...flags);
    expect(objects(yaml)).toEqual(
      webhookManifests({
        ...defaultAdmissionOptions,
        operator: { namespace: 'own-system', serviceAccount: 'own' },
        mountPath: '/var/run/aws',
        annotationPrefix: 'aws.example.com',
        excludedNamespaces: ['monitoring', 'istio-system'],
        webhookService: 'own-webhook',
        tokenAudiences: ['sts.amazonaws.com', 'own'],
      }),
    );
    const [first = ''] = yaml.split('\n');
    expect(first.split(' ').slice(5)).toEqual(['--injection=webhook', ...flags.slice(1, -1)]);
  });

  test.each([
    { args: ['--mode', 'sidecar'], says: 'policy, webhook' },
    { args: ['--mount-path', 'var/run'], says: '--mount-path' },
    { args: ['--excluded-namespaces', 'UPPER'], says: '--excluded-namespaces' },
    { args: ['--token-audiences', ' ,'], says: '--token-audiences is empty' },
  ])('refuses $args', async ({ args, says }) => {
    await expect(printed(...args)).rejects.toThrow(says);
  });
});
