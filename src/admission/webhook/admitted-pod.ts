import * as z from 'zod';
import { listOf, textsByName } from '../../list-schema.ts';

/** Go writes an absent list or map as null where a field has no `omitempty`. */
const optional = <Schema extends z.ZodType>(schema: Schema) =>
  schema.nullish().transform((value) => value ?? undefined);

const Container = z.object({
  name: z.string().default(''),
  env: optional(listOf(z.object({ name: z.string().default('') }))),
  volumeMounts: optional(listOf(z.object({ name: z.string().default(''), mountPath: z.string().default('') }))),
});
export type AdmittedContainer = z.output<typeof Container>;

/** A node could not run as many. An empty one is two characters of a request, and hundreds of its answer. */
const MOST_CONTAINERS = 1000;
const Containers = listOf(Container).refine(({ length }) => length <= MOST_CONTAINERS, {
  message: `are more than ${MOST_CONTAINERS}`,
});

/**
 * The part of a new pod that injection looks at, as the API server sends it: defaults are set, nothing is validated yet.
 * Field names are Kubernetes' own; all others are dropped.
 */
export const AdmittedPod = z.object({
  metadata: z
    .object({ namespace: optional(z.string()), annotations: optional(textsByName) })
    .default({ namespace: undefined, annotations: undefined }),
  spec: z.object({
    serviceAccountName: optional(z.string()),
    containers: Containers,
    initContainers: optional(Containers),
    volumes: optional(listOf(z.object({ name: z.string().default('') }))),
    nodeSelector: optional(textsByName),
    os: optional(z.object({ name: z.string().default('') })),
  }),
});
export type AdmittedPod = z.output<typeof AdmittedPod>;
