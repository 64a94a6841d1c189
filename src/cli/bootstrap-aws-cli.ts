import type { Tags } from '../iam/tags.ts';
import type { BootstrapDesign } from './bootstrap-design.ts';
import { prettyDocument } from './policy.ts';
import { shellWord } from './shell-word.ts';

/**
 * The design as a POSIX shell script for the aws CLI. It may run again; a role without the tags of this cluster and an OIDC
 * provider that exists are left as they are.
 */
export const awsCliOf = (
  design: BootstrapDesign,
  { withOidcProvider }: { readonly withOidcProvider: boolean },
): string =>
  [
    '#!/bin/sh',
    '# Makes the role of the federated identity operator. Run it with your own AWS credentials; it may run again.',
    'set -eu',
    `export AWS_DEFAULT_REGION=${word(design.region)} AWS_PAGER=`,
    '',
    checkAccount(design),
    ...(withOidcProvider ? [oidcProvider(design)] : []),
    role(design),
    ...[...design.role.inlinePolicies].map(
      ([name, document]) =>
        `aws iam put-role-policy --role-name ${word(design.role.name)} --policy-name ${word(name)} \\\n` +
        `  --policy-document ${word(prettyDocument(document))}\n`,
    ),
    `printf '%s\\n' ${word(`AWS_ROLE_ARN=${design.roleArn}`)}\n`,
  ].join('\n');

const word = shellWord;

function checkAccount({ roleArn }: BootstrapDesign): string {
  const account = roleArn.split(':')[4] ?? '';
  return [
    'account=$(aws sts get-caller-identity --query Account --output text)',
    `if [ "$account" != ${word(account)} ]; then`,
    `  printf 'your AWS credentials belong to account %s, and not to ${account}\\n' "$account" >&2`,
    '  exit 1',
    'fi',
    '',
  ].join('\n');
}

/** The list finds it, since that call fails only for want of rights; by its exact ARN, as one line of the answer. */
function oidcProvider({ provider: { arn, issuer, clientIds, thumbprints, tags } }: BootstrapDesign): string {
  return [
    "providers=$(aws iam list-open-id-connect-providers --query 'OpenIDConnectProviderList[].[Arn]' --output text)",
    `if printf '%s\\n' "$providers" | grep -qxF -e ${word(arn)}; then`,
    `  printf '%s\\n' ${word(`OIDC provider ${arn} exists, and is used as it is`)}`,
    'else',
    `  aws iam create-open-id-connect-provider --url ${word(issuer)} \\`,
    `    --client-id-list ${[...clientIds].map(word).join(' ')} \\`,
    ...(thumbprints === undefined ? [] : [`    --thumbprint-list ${thumbprints.map(word).join(' ')} \\`]),
    `    --tags ${tagList(tags)}`,
    'fi',
    '',
  ].join('\n');
}

function role({
  role: { name, path, description, trustPolicy, permissionsBoundaryArn, tags },
}: BootstrapDesign): string {
  const trust = word(prettyDocument(trustPolicy));
  const uid = [...tags].find(([key]) => key.endsWith('/cluster')) ?? ['', ''];
  return [
    `trust=${trust}`,
    `if aws iam get-role --role-name ${word(name)} >/dev/null 2>&1; then`,
    `  owner=$(aws iam list-role-tags --role-name ${word(name)} --query ${word(`Tags[?Key=='${uid[0]}'].Value`)} --output text)`,
    `  if [ "$owner" != ${word(uid[1])} ]; then`,
    `    printf '%s\\n' ${word(`IAM role ${name} exists and does not belong to this cluster: it is left untouched. Choose another --role-name.`)} >&2`,
    '    exit 1',
    '  fi',
    `  aws iam update-assume-role-policy --role-name ${word(name)} --policy-document "$trust"`,
    'else',
    `  aws iam create-role --role-name ${word(name)} --path ${word(path)} --description ${word(description)} \\`,
    ...(permissionsBoundaryArn === undefined ? [] : [`    --permissions-boundary ${word(permissionsBoundaryArn)} \\`]),
    '    --assume-role-policy-document "$trust" \\',
    `    --tags ${tagList(tags)}`,
    'fi',
    '',
  ].join('\n');
}

/** In JSON: the short form of the aws CLI trips over commas and spaces. */
const tagList = (tags: Tags): string => word(JSON.stringify([...tags].map(([Key, Value]) => ({ Key, Value }))));
