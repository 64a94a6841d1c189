import { expect, test } from 'vitest';
import { providerSpec } from '../../test/support/builders.ts';
import { CliError } from './failures.ts';
import { managedPath } from './policy-rights.ts';
import { chosenProvider } from './policy-source.ts';
import { partitionOfRegion } from '../iam/partition.ts';

const manifest = (name: string): string =>
  `apiVersion: federatedidentity.dev/v1alpha1\nkind: AwsOidcProvider\nmetadata: {name: ${name}}\nspec: {accountId: "1"}\n`;
const other = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: default}\n';

test.each([
  { name: 'the only one', text: `${other}---\n${manifest('a')}`, wanted: undefined },
  { name: 'the one that is named', text: `${manifest('b')}---\n${manifest('a')}---\n`, wanted: 'a' },
])('of a file: $name', ({ text, wanted }) => {
  expect(chosenProvider(text, { file: 'f.yaml', name: wanted })).toEqual({ name: 'a', spec: { accountId: '1' } });
});

test.each([
  {
    name: 'none',
    text: other,
    wanted: undefined,
    says: 'f.yaml has no AwsOidcProvider of federatedidentity.dev/v1alpha1',
  },
  { name: 'not the named one', text: manifest('a'), wanted: 'b', says: 'f.yaml has no AwsOidcProvider "b"' },
  {
    name: 'several',
    text: `${manifest('a')}---\n${manifest('b')}`,
    wanted: undefined,
    says: '(a, b): name one of them',
  },
  { name: 'no YAML', text: 'a: [', wanted: undefined, says: 'f.yaml is no YAML: ' },
])('a file with $name', ({ text, wanted, says }) => {
  const choose = (): unknown => chosenProvider(text, { file: 'f.yaml', name: wanted });
  expect(choose).toThrow(CliError);
  expect(choose).toThrow(says);
});

test.each([
  { spec: {}, path: '/federated/' },
  { spec: { roleDefaults: { path: '/mine/' } }, path: '/mine/' },
  { spec: { roleDefaults: { path: '/mine/sub/' }, guardrails: { rolePath: '/mine/' } }, path: '/mine/' },
])('roles of $spec lie under $path', ({ spec, path }) => {
  expect(managedPath('default', providerSpec(spec))).toBe(path);
});

test.each([
  ['eu-west-1', 'aws'],
  ['cn-north-1', 'aws-cn'],
  ['us-gov-east-1', 'aws-us-gov'],
  ['us-iso-east-1', 'aws-iso'],
  ['us-isob-east-1', 'aws-iso-b'],
  ['eusc-de-east-1', 'aws-eusc'],
])('%s is in %s', (region, partition) => {
  expect(partitionOfRegion(region)).toBe(partition);
});
