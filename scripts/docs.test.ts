import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { operatorPolicy } from '../dev/stack/operator-policy.ts';
import { AwsFederatedIdentitySpec } from '../src/crds/aws-federated-identity.ts';
import { AwsOidcProviderSpec } from '../src/crds/aws-oidc-provider.ts';
import { Reason } from '../src/crds/condition.ts';
import { FLAGS } from '../src/settings.ts';
import { blocksOf } from './pages.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const filesIn = (folder: string): readonly string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file));

const code = (text: string): string => (text === '' ? '' : `\`${text}\``);
const blocks = (page: string, language: string): readonly string[] =>
  blocksOf(page)
    .filter((block) => block.language === language)
    .map(({ text }) => text);

describe('troubleshooting.md', () => {
  test('has one heading for each reason, and none for anything else', () => {
    const headings = [...read('docs/troubleshooting.md').matchAll(/^## (.+)$/gm)].map(([, heading = '']) => heading);
    expect(headings.toSorted()).toEqual([...Reason.options].toSorted());
  });

  test('is about reasons that the operator can give', () => {
    const sources = filesIn('src')
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !file.endsWith('condition.ts'))
      .map(read)
      .join('\n');
    expect(Reason.options.filter((reason) => !sources.includes(`'${reason}'`))).toEqual([]);
  });
});

describe('running.md', () => {
  test('lists the settings as the operator has them', () => {
    const rows = read('docs/running.md')
      .split('\n')
      .filter((line) => line.startsWith('| `--'));
    expect(rows).toEqual(
      FLAGS.map(
        ({ name, variable, defaultText, description }) =>
          `| ${code(name)} | ${code(variable)} | ${code(defaultText)} | ${description} |`,
      ),
    );
  });
});

describe('bootstrap.md', () => {
  test('shows the policy that is generated for its provider', () => {
    const [provider = ''] = blocks('docs/bootstrap.md', 'yaml');
    const { spec }: { readonly spec: object } = parse(provider);
    const policy = operatorPolicy({
      accountId: '111122223333',
      cluster: 'c0ffee00-0000-4000-8000-000000000001',
      issuer: 'https://oidc.example.com/cluster-a',
      spec: { deletionPolicy: 'Retain', ...spec },
    });
    expect(blocks('docs/bootstrap.md', 'json').map((text) => JSON.parse(text) as unknown)).toEqual([
      JSON.parse(policy),
    ]);
  });
});

describe('README.md', () => {
  test('shows objects that fit the schemas', () => {
    const objects = blocks('README.md', 'yaml')
      .flatMap((text) => parseAllDocuments(text))
      .map((document) => document.toJS() as { readonly kind: string; readonly spec: unknown });
    const schemas = { AwsOidcProvider: AwsOidcProviderSpec, AwsFederatedIdentity: AwsFederatedIdentitySpec };
    expect(objects.map(({ kind }) => kind).toSorted()).toEqual(Object.keys(schemas).toSorted());
    for (const { kind, spec } of objects) schemas[kind as keyof typeof schemas].strict().parse(spec); // it is one of them
  });
});

describe.each([
  { page: 'README.md', atLeast: 7 },
  { page: 'docs/failures.md', atLeast: 25 },
  { page: 'docs/security.md', atLeast: 30 },
])('$page', ({ page, atLeast }) => {
  test('names tests that exist', () => {
    const named = [...read(page).matchAll(/\[([^\]]+)\]\(([^)]+\.test\.ts)\)/g)];
    const missing = named.filter(([, title = '', file = '']) => {
      const path = join(dirname(page), file);
      return !title.endsWith('.test') && !read(path).includes(title);
    });
    expect(missing.map(([link]) => link)).toEqual([]);
    expect(named.length).toBeGreaterThanOrEqual(atLeast);
  });
});

describe('docs/failures.md', () => {
  test('has all thirty-six, and names only reasons that exist', () => {
    const rows = read('docs/failures.md')
      .split('\n')
      .filter((line) => /^\| [0-9]+b? \|/.test(line));
    expect(rows).toHaveLength(36);
    const reasons = rows.flatMap((row) =>
      [...(row.split('|')[3] ?? '').matchAll(/`([A-Z]\w+)`/g)].map(([, name = '']) => name),
    );
    expect(reasons.filter((reason) => !Reason.safeParse(reason).success && reason !== 'IssuerReachable')).toEqual([]);
  });
});
