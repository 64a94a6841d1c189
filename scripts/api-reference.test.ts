import { expect, test } from 'vitest';
import { AwsFederatedIdentityKind } from '../src/crds/aws-federated-identity.ts';
import { AwsOidcProviderKind } from '../src/crds/aws-oidc-provider.ts';
import { apiReference } from './api-reference.ts';

const page = apiReference([AwsFederatedIdentityKind, AwsOidcProviderKind]);
const rows = page.split('\n').filter((line) => line.startsWith('| `'));

test('every row has a field, its type and what it is; no bar of a pattern ends a cell', () => {
  expect(rows.length).toBeGreaterThan(80);
  const cells = rows.map((row) => row.split(/(?<!\\)\|/).slice(1, -1));
  expect(cells.filter((row) => row.length !== 3 || row.some((cell) => cell.trim() === ''))).toEqual([]);
});

test('fields in lists, defaults, limits and rules are told', () => {
  const row = (field: string): string => rows.find((line) => line.startsWith(`| \`${field}\` |`)) ?? '';
  expect(row('spec.role.inlinePolicies[].document')).toContain('| any, required |');
  expect(row('spec.tokenExpirationSeconds')).toMatch(/\(default `86400`; 600 to 86400\) \|$/);
  expect(row('spec.guardrails.inlinePolicies')).toContain('one of `Allow`, `Deny`');
  expect(row('spec.role.name')).toContain('&lt;namespace>-&lt;name>');
  expect(page).toContain('- `spec.providerRef`: providerRef.name is immutable');
});
