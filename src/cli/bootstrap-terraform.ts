import type { PolicyDocument } from '../iam/policy-document.ts';
import type { Tags } from '../iam/tags.ts';
import type { BootstrapDesign } from './bootstrap-design.ts';
import { prettyDocument } from './policy.ts';

/** The design as HCL for Terraform 1 and OpenTofu, with the AWS provider 5.81 or newer (an OIDC provider without thumbprints). */
export function terraformOf(
  design: BootstrapDesign,
  { withOidcProvider }: { readonly withOidcProvider: boolean },
): string {
  return [...(withOidcProvider ? [oidcProvider(design)] : []), role(design), policy(design), output()].join('\n');
}

const NAME = 'federated_identity_operator';

function oidcProvider({ provider }: BootstrapDesign): string {
  const { issuer, clientIds, thumbprints, tags } = provider;
  return block(`resource "aws_iam_openid_connect_provider" "${NAME}"`, [
    ['url', quoted(issuer)],
    ['client_id_list', list([...clientIds])],
    ...(thumbprints === undefined ? [] : [['thumbprint_list', list(thumbprints)] as const]),
    ['tags', map(tags)],
  ]);
}

function role({
  role: { name, path, description, trustPolicy, permissionsBoundaryArn, tags },
}: BootstrapDesign): string {
  return block(`resource "aws_iam_role" "${NAME}"`, [
    ['name', quoted(name)],
    ['path', quoted(path)],
    ['description', quoted(description)],
    ...(permissionsBoundaryArn === undefined
      ? []
      : [['permissions_boundary', quoted(permissionsBoundaryArn)] as const]),
    ['assume_role_policy', document(trustPolicy)],
    ['tags', map(tags)],
  ]);
}

function policy({ role: { inlinePolicies } }: BootstrapDesign): string {
  return [...inlinePolicies]
    .map(([name, text]) =>
      block(`resource "aws_iam_role_policy" "${NAME}"`, [
        ['name', quoted(name)],
        ['role', `aws_iam_role.${NAME}.name`],
        ['policy', document(text)],
      ]),
    )
    .join('\n');
}

const output = (): string => block('output "operator_role_arn"', [['value', `aws_iam_role.${NAME}.arn`]]);

/** As `terraform fmt` lays it out: the equal signs of neighbouring one-line arguments are aligned. */
function block(head: string, entries: readonly (readonly [string, string])[]): string {
  const width = (index: number): number => {
    const isLine = (at: number): boolean => entries[at] !== undefined && !entries[at][1].includes('\n');
    if (!isLine(index)) return 0;
    let [first, last] = [index, index];
    while (isLine(first - 1)) first -= 1;
    while (isLine(last + 1)) last += 1;
    return Math.max(...entries.slice(first, last + 1).map(([key]) => key.length));
  };
  const lines = entries.map(
    ([key, value], index) => `  ${key.padEnd(width(index))} = ${value.replaceAll('\n', '\n  ')}`,
  );
  return `${head} {\n${lines.join('\n')}\n}\n`;
}

/** JSON is an HCL expression but for the beginnings of templates in its strings; `terraform fmt` sets colons apart. */
const document = (text: PolicyDocument): string =>
  `jsonencode(${withoutTemplates(prettyDocument(text).replaceAll(/^( *"(?:[^"\\]|\\.)*"):/gm, '$1 :'))})`;

const quoted = (text: string): string => withoutTemplates(JSON.stringify(text));

const withoutTemplates = (text: string): string => text.replaceAll(/[$%]\{/g, ([sign = '']) => `${sign}${sign}{`);

const list = (values: readonly string[]): string => `[${values.map(quoted).join(', ')}]`;

function map(tags: Tags): string {
  const width = Math.max(...[...tags.keys()].map((key) => quoted(key).length));
  return `{\n${[...tags].map(([key, value]) => `  ${quoted(key).padEnd(width)} = ${quoted(value)}`).join('\n')}\n}`;
}
