import { describe, expect, test } from 'vitest';
import type * as z from 'zod';
import { AwsFederatedIdentitySpec } from '../src/crds/aws-federated-identity.ts';
import { AwsOidcProviderSpec } from '../src/crds/aws-oidc-provider.ts';
import { API_VERSION } from '../src/crds/manifest.ts';
import { examplesOf, PAGES } from './pages.ts';

const SCHEMAS: Readonly<Record<string, z.ZodObject>> = {
  AwsOidcProvider: AwsOidcProviderSpec,
  AwsFederatedIdentity: AwsFederatedIdentitySpec,
};

const examples = PAGES.flatMap(examplesOf);

describe('the objects that the pages show', () => {
  test.each(examples)('$place $object.kind $object.metadata.name fits the schema', ({ object }) => {
    expect(object.apiVersion).toBe(API_VERSION);
    const schema = SCHEMAS[object.kind];
    expect(schema, `there is no kind ${object.kind}`).toBeDefined();
    expect(schema?.safeParse(object.spec).error?.issues).toBeUndefined();
    expect(schema === undefined ? [] : unknownFields(object.spec, jsonSchemaOf(schema))).toEqual([]);
  });
});

describe.each([
  { page: 'docs/spec/awsfederatedidentity.md', kind: 'AwsFederatedIdentity', schema: AwsFederatedIdentitySpec },
  { page: 'docs/spec/awsoidcprovider.md', kind: 'AwsOidcProvider', schema: AwsOidcProviderSpec },
])('$page', ({ page, kind, schema }) => {
  test('has an example of every field', () => {
    const shown = new Set(
      examplesOf(page)
        .filter(({ object }) => object.kind === kind)
        .flatMap(({ object }) => pathsOf(object.spec)),
    );
    expect(fieldsOf(jsonSchemaOf(schema)).filter((field) => !shown.has(field))).toEqual([]);
  });
});

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
}

const jsonSchemaOf = (schema: z.ZodObject): JsonSchema =>
  schema.toJSONSchema({ io: 'input', unrepresentable: 'any' }) as JsonSchema;

/** Every path of the fields that an object has, without the positions in lists. */
function pathsOf(value: unknown, path = 'spec'): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((item) => pathsOf(item, path));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, child]) => [`${path}.${name}`, ...pathsOf(child, `${path}.${name}`)]);
}

/** Every path of the fields that a schema has. */
const fieldsOf = ({ properties = {} }: JsonSchema, path = 'spec'): readonly string[] =>
  Object.entries(properties).flatMap(([name, child]) => [
    `${path}.${name}`,
    ...fieldsOf(child.items ?? child, `${path}.${name}`),
  ]);

/** Paths in an object that its schema does not name: the parser leaves them out without a word. */
function unknownFields(value: unknown, { properties, items }: JsonSchema, path = 'spec'): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((item) => unknownFields(item, items ?? {}, path));
  if (typeof value !== 'object' || value === null || properties === undefined) return []; // a map, or anything
  return Object.entries(value).flatMap(([name, child]) => {
    const schema = properties[name];
    const own = `${path}.${name}`;
    return schema === undefined ? [own] : unknownFields(child, schema, own);
  });
}
