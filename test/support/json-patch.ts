import type { JsonPatchOperation } from '../../src/admission/webhook/inject-pod.ts';

/** Applies `add` operations (RFC 6902) as an API server does: a parent that is missing is an error. */
export function applyPatch<T extends object>(document: T, operations: readonly JsonPatchOperation[]): T {
  const copy = structuredClone(document);
  for (const { path, value } of operations) add(copy, path, structuredClone(value));
  return copy;
}

function add(document: object, path: string, value: unknown): void {
  const keys = path
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
  const last = keys.pop();
  const parent = keys.reduce<unknown>((node, key) => child(node, key, path), document);
  if (last === undefined || typeof parent !== 'object' || parent === null) throw new Error(`no parent of ${path}`);
  if (!Array.isArray(parent)) Object.assign(parent, { [last]: value });
  else if (last === '-') parent.push(value);
  else parent.splice(Number(last), 0, value);
}

function child(node: unknown, key: string, path: string): unknown {
  if (typeof node !== 'object' || node === null || !Object.hasOwn(node, key)) throw new Error(`no ${key} of ${path}`);
  return (node as Record<string, unknown>)[key];
}
