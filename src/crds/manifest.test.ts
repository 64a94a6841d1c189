import { describe, expect, test } from 'vitest';
import { AwsFederatedIdentityKind } from './aws-federated-identity.ts';
import { AwsOidcProviderKind } from './aws-oidc-provider.ts';
import { crdManifest, type Kind } from './manifest.ts';

const KINDS: readonly Kind[] = [AwsOidcProviderKind, AwsFederatedIdentityKind];

interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly enum?: readonly unknown[];
  readonly format?: string;
  readonly maxItems?: number;
  readonly maxProperties?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly required?: readonly string[];
  readonly 'x-kubernetes-list-type'?: string;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-validations'?: readonly { readonly rule: string; readonly message: string }[];
}

interface Manifest {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly versions: readonly [
      {
        readonly schema: { readonly openAPIV3Schema: Schema };
        readonly additionalPrinterColumns: readonly { readonly name: string; readonly jsonPath: string }[];
        readonly subresources?: object;
      },
    ];
  };
}

const manifestOf = (kind: Kind): Manifest => crdManifest(kind) as Manifest;
const rootOf = (kind: Kind): Schema => manifestOf(kind).spec.versions[0].schema.openAPIV3Schema;

interface Place {
  readonly path: string;
  readonly schema: Schema;
  /** Whether the place has a name, and so can be explained by `kubectl explain`. */
  readonly isProperty: boolean;
}

function* placesIn(schema: Schema, path: string, isProperty = true): Generator<Place> {
  yield { path, schema, isProperty };
  for (const [name, one] of Object.entries(schema.properties ?? {})) yield* placesIn(one, `${path}.${name}`);
  if (schema.items !== undefined) yield* placesIn(schema.items, `${path}[]`, false);
  if (typeof schema.additionalProperties === 'object') yield* placesIn(schema.additionalProperties, `${path}{}`, false);
}

/** The parts that are ours: the API server itself describes apiVersion, kind and metadata. */
const places = KINDS.flatMap((kind) =>
  ['spec', 'status'].flatMap((part) => {
    const schema = rootOf(kind).properties?.[part];
    return schema === undefined ? [] : [...placesIn(schema, `${kind.kind}.${part}`)];
  }),
);

const pathsWhere = (isBad: (place: Place) => boolean): readonly string[] =>
  places.filter(isBad).map(({ path }) => path);

/** Places that need not follow a rule, each with its reason. */
const WITHOUT_TYPE = [
  'AwsFederatedIdentity.spec.role.inlinePolicies[].document', // an object or a string; the policy's own size limit holds
];

const LIMITS: readonly { readonly name: string; readonly isOpen: (place: Place) => boolean }[] = [
  {
    name: 'each string by length, pattern, list of values or format',
    isOpen: ({ schema: { type, maxLength, pattern, format, enum: values } }) =>
      type === 'string' && [maxLength, pattern, format, values].every((limit) => limit === undefined),
  },
  {
    name: 'the length of each string whose pattern does not',
    isOpen: ({ schema: { type, maxLength, pattern = '+', format, enum: values } }) =>
      type === 'string' &&
      [maxLength, format, values].every((limit) => limit === undefined) &&
      /[*+]|,\}/.test(pattern),
  },
  {
    name: 'each list, and say how it merges',
    isOpen: ({ schema: { type, maxItems, 'x-kubernetes-list-type': merge } }) =>
      type === 'array' && (maxItems === undefined || merge === undefined),
  },
  {
    name: 'each map',
    isOpen: ({ schema: { additionalProperties, maxProperties } }) =>
      additionalProperties !== undefined && maxProperties === undefined,
  },
  {
    name: 'each number of a spec from both sides',
    isOpen: ({ path, schema: { type, minimum, maximum } }) =>
      path.includes('.spec.') && type === 'integer' && (minimum === undefined || maximum === undefined),
  },
];

const demandsItsDefault = ({ schema }: Place): boolean =>
  (schema.required ?? []).some((name) => 'default' in (schema.properties?.[name] ?? {}));

describe('the schemas', () => {
  test('are walked in full', () => {
    expect(places.length).toBeGreaterThan(80);
  });

  test('describe each property', () => {
    expect(pathsWhere(({ schema, isProperty }) => isProperty && (schema.description ?? '').length < 4)).toEqual([]);
  });

  test.each(LIMITS)('bound $name [F57]', ({ isOpen }) => {
    expect(pathsWhere(isOpen)).toEqual([]);
  });

  test('merge a list of objects by keys that each item must have', () => {
    const lists = places.filter(({ schema }) => schema['x-kubernetes-list-type'] === 'map');
    expect(lists.length).toBeGreaterThan(1);
    for (const { schema } of lists)
      expect(schema.items?.required).toEqual(
        expect.arrayContaining([...(schema['x-kubernetes-list-map-keys'] ?? ['?'])]),
      );
  });

  test('type each place, as a structural schema must', () => {
    expect(pathsWhere(({ schema }) => schema.type === undefined)).toEqual(WITHOUT_TYPE);
    expect(pathsWhere(({ schema }) => schema['x-kubernetes-preserve-unknown-fields'] === true)).toEqual(WITHOUT_TYPE);
  });

  test('give each rule a message that says what to do', () => {
    const rules = places.flatMap(({ schema }) => schema['x-kubernetes-validations'] ?? []);
    expect(rules.length).toBeGreaterThan(5);
    for (const { message } of rules) expect(message).toMatch(/[:;].* (create|choose) another/);
  });
});

describe.each(KINDS)('the manifest of $kind', (kind) => {
  test('demands nothing of the user that has a default', () => {
    expect([...placesIn(rootOf(kind), kind.kind)].filter(demandsItsDefault)).toEqual([]);
  });

  test('shows columns that lead to fields of the schema', () => {
    const { additionalPrinterColumns: columns } = manifestOf(kind).spec.versions[0];
    const known = new Set([...placesIn(rootOf(kind), '')].map(({ path }) => path));
    const missing = columns.filter(({ jsonPath }) => {
      const [path = ''] = jsonPath.split('[?');
      return path !== '.metadata.creationTimestamp' && !known.has(path);
    });
    expect(missing).toEqual([]);
    expect(columns.slice(0, 2).map(({ name }) => name)).toEqual(['Ready', 'Status']);
  });

  test('has a status of its own, which reads "not looked at yet" from the first moment (kstatus)', () => {
    expect(manifestOf(kind).spec.versions[0].subresources).toEqual({ status: {} });
    expect(rootOf(kind).properties?.['status']).toMatchObject({ default: { observedGeneration: -1 } });
  });
});
