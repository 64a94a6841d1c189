import * as z from 'zod';

/** A printer column of `kubectl get`. Priority 1 shows it only with `-o wide`. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'date';
  readonly jsonPath: string;
  readonly description: string;
  readonly priority?: 0 | 1;
}

/** What the API server needs to know of a kind; `spec` and `status` are the only source of its types too. */
export interface Kind {
  readonly kind: string;
  readonly plural: string;
  readonly shortNames: readonly string[];
  readonly scope: 'Cluster' | 'Namespaced';
  readonly description: string;
  readonly spec: z.ZodObject;
  readonly status?: z.ZodObject;
  readonly columns: readonly PrinterColumn[];
  readonly selectableFields?: readonly string[];
}

export const GROUP = 'federatedidentity.dev';
const VERSION = 'v1alpha1';
export const API_VERSION = `${GROUP}/${VERSION}`;

/** By which `kubectl get crd` knows the definition of a kind. */
export const crdName = ({ plural }: Pick<Kind, 'plural'>): string => `${plural}.${GROUP}`;

/** The CustomResourceDefinition of a kind. `npm run generate` writes it to config/crd/; a stale file fails the check. */
export function crdManifest(kind: Kind): object {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: crdName(kind),
      labels: { 'app.kubernetes.io/part-of': 'federated-identity-operator' },
      // Policy documents hold ${aws:...}, which Flux's postBuild substitution would eat.
      annotations: { 'kustomize.toolkit.fluxcd.io/substitute': 'disabled' },
    },
    spec: {
      group: GROUP,
      scope: kind.scope,
      names: {
        kind: kind.kind,
        listKind: `${kind.kind}List`,
        plural: kind.plural,
        singular: kind.kind.toLowerCase(),
        shortNames: kind.shortNames,
        categories: ['federatedidentity'],
      },
      versions: [version(kind)],
    },
  };
}

function version(kind: Kind): object {
  return {
    name: VERSION,
    served: true,
    storage: true,
    ...(kind.status === undefined ? {} : { subresources: { status: {} } }),
    ...(kind.selectableFields === undefined
      ? {}
      : { selectableFields: kind.selectableFields.map((jsonPath) => ({ jsonPath })) }),
    additionalPrinterColumns: kind.columns,
    schema: {
      openAPIV3Schema: {
        type: 'object',
        description: kind.description,
        required: ['spec'],
        properties: {
          apiVersion: { type: 'string', description: `Always ${API_VERSION}.` },
          kind: { type: 'string', description: `Always ${kind.kind}.` },
          metadata: { type: 'object' },
          spec: structural(kind.spec),
          // kstatus: a tool that looks before the first reconcile must see "in progress", not "current".
          ...(kind.status === undefined
            ? {}
            : { status: { ...structural(kind.status), default: { observedGeneration: -1 } } }),
        },
      },
    },
  };
}

/** zod → structural schema. `io: 'input'`, because a field with a default must not be required of the user. */
function structural(schema: z.ZodObject): object {
  const { $schema: _dialect, ...properties } = z.toJSONSchema(schema, {
    target: 'openapi-3.0',
    io: 'input',
    unrepresentable: 'throw',
    override: ({ jsonSchema }) => {
      // The API server prunes unknown fields itself and refuses these keywords in a structural schema.
      if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
      delete jsonSchema.propertyNames;
    },
  });
  return properties;
}

/** One CEL rule as `.meta()` of a schema. `reason` is what the API server answers in `status.details.causes`. */
export const rules = (
  ...validations: readonly {
    readonly rule: string;
    readonly message: string;
    readonly reason?: string;
    readonly fieldPath?: string;
  }[]
): { readonly 'x-kubernetes-validations': readonly object[] } => ({ 'x-kubernetes-validations': validations });
