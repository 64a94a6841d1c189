import { ApiError } from '../../src/kube/errors.ts';
import type { KubernetesResource, OwnerReference } from '../../src/kube/resource.ts';

/** The parts of metadata that the operator applies, flat: `labels/x`, `annotations/y`, `finalizers/z`, `ownerReferences/uid`. */
type Fields = ReadonlyMap<string, unknown>;

function fieldsOf({ metadata }: KubernetesResource): Fields {
  const { labels = {}, annotations = {}, finalizers = [], ownerReferences = [] } = metadata;
  return new Map<string, unknown>([
    ...Object.entries(labels).map(([key, value]) => [`labels/${key}`, value] as const),
    ...Object.entries(annotations).map(([key, value]) => [`annotations/${key}`, value] as const),
    ...finalizers.map((name) => [`finalizers/${name}`, name] as const),
    ...ownerReferences.map((reference) => [`ownerReferences/${reference.uid}`, reference] as const),
  ]);
}

function withFields<T extends KubernetesResource>(object: T, fields: Fields): T {
  const part = (name: string): readonly (readonly [string, unknown])[] =>
    [...fields]
      .filter(([key]) => key.startsWith(`${name}/`))
      .map(([key, value]) => [key.slice(name.length + 1), value]);
  const { labels: _, annotations: __, finalizers: ___, ownerReferences: ____, ...rest } = object.metadata;
  const text = (name: string) => Object.fromEntries(part(name)) as Record<string, string>; // values of labels and annotations
  const references = part('ownerReferences').map(([, value]) => value as OwnerReference); // put in by fieldsOf
  const metadata = {
    ...rest,
    labels: text('labels'),
    annotations: text('annotations'),
    finalizers: part('finalizers').map(([name]) => name),
    ...(references.length === 0 ? {} : { ownerReferences: references }),
  };
  return { ...object, metadata };
}

/** Who owns which field of one object: the operator, its users, or both. */
export class Ownership {
  readonly operators = new Set<string>();
  readonly users = new Set<string>();

  /** A person writes the object: what changes is the person's. */
  seize(before: KubernetesResource | undefined, after: KubernetesResource): void {
    const [old, now] = [before === undefined ? new Map() : fieldsOf(before), fieldsOf(after)];
    for (const [field, value] of now) {
      if (old.get(field) === value || field.startsWith('finalizers/')) continue;
      this.users.add(field);
      this.operators.delete(field);
    }
    for (const field of old.keys()) {
      if (now.has(field)) continue;
      this.users.delete(field);
      this.operators.delete(field);
    }
  }
}

/** Server-side apply without force, for the operator. Throws 409 where somebody else has set another value. */
export function applied<T extends KubernetesResource>(before: T, wanted: T, owners: Ownership): T {
  const fields = new Map(fieldsOf(before));
  const now = fieldsOf(wanted);
  for (const [field, value] of now) {
    if (owners.users.has(field) && fields.get(field) !== value)
      throw new ApiError(
        409,
        'Conflict',
        `Apply failed with 1 conflict: conflict with "kubectl-edit": .metadata.${field}`,
      );
  }
  for (const field of owners.operators) if (!now.has(field) && !owners.users.has(field)) fields.delete(field);
  owners.operators.clear();
  for (const [field, value] of now) {
    fields.set(field, value);
    owners.operators.add(field);
  }
  return withFields(before, fields);
}
