/**
 * Builders for CEL expressions (Common Expression Language, as Kubernetes' admission policies evaluate it).
 * An expression is an object and text is a string: a string put into an expression becomes a quoted literal, never code.
 */
export interface Cel {
  readonly source: string;
}

type Operand = Cel | string | number | boolean | readonly string[];

/** Template tag: ``cel`has(${field}) && ${name} == ${'text'}` `` keeps expressions as they are and quotes strings. */
export function cel(fragments: TemplateStringsArray, ...operands: readonly Operand[]): Cel {
  return { source: String.raw({ raw: fragments }, ...operands.map(render)) };
}

/** A path or type name that the program knows, such as `object.spec.volumes`. Never for text from outside. */
export function code(source: string): Cel {
  return { source };
}

function render(operand: Operand): string {
  if (typeof operand === 'string') return quote(operand);
  if (typeof operand === 'number' || typeof operand === 'boolean') return String(operand);
  return 'source' in operand ? operand.source : `[${operand.map(quote).join(', ')}]`;
}

/** CEL knows every escape that JSON writes; single quotes read better inside YAML. */
function quote(text: string): string {
  const escaped = JSON.stringify(text)
    .slice(1, -1)
    .replaceAll(String.raw`\"`, '"')
    .replaceAll("'", String.raw`\'`);
  return `'${escaped}'`;
}

function grouped(term: Cel): string {
  return bindsLoosely(term.source) ? `(${term.source})` : term.source;
}

/** Whether an operator that binds less tightly than a call stands outside all brackets and quoted text. */
function bindsLoosely(source: string): boolean {
  const unquoted = source.replaceAll(/'(?:[^'\\]|\\.)*'/g, '');
  const brackets = [...unquoted].reduce(
    ({ depth, outside }, character) => {
      if ('([{'.includes(character)) return { depth: depth + 1, outside };
      if (')]}'.includes(character)) return { depth: depth - 1, outside };
      return { depth, outside: depth === 0 ? outside + character : outside };
    },
    { depth: 0, outside: '' },
  );
  return /[|&?=<> ]/.test(brackets.outside);
}

/** Holds when every term does. */
export function and(...terms: readonly Cel[]): Cel {
  return code(terms.map(grouped).join(' && '));
}

/** Holds when some term does. */
export function or(...terms: readonly Cel[]): Cel {
  return code(terms.map(grouped).join(' || '));
}

/** Holds when the term does not. */
export function not(term: Cel): Cel {
  return code(`!${grouped(term)}`);
}

/** One of two values. */
export function conditional(condition: Cel, then: Operand, otherwise: Operand): Cel {
  return cel`(${condition} ? ${then} : ${otherwise})`;
}

/** An optional field, or a value in its place. */
export function fieldOr(field: Cel, otherwise: Operand): Cel {
  return conditional(cel`has(${field})`, field, otherwise);
}

/** An optional list has an element `it` for which the condition holds. */
export function exists(list: Cel, condition: Cel): Cel {
  return cel`(has(${list}) && ${list}.exists(it, ${condition}))`;
}

/** A typed value, for example `Object.spec.volumes{name: 'a'}`; field order is kept. */
export function typed(type: string, fields: Readonly<Record<string, Operand>>): Cel {
  const pairs = Object.entries(fields).map(([name, value]) => `${name}: ${render(value)}`);
  return code(`${type}{${pairs.join(', ')}}`);
}

/** The list of one JSON Patch operation that adds a value, or no operation. */
export function patchAdd(condition: Cel, path: string, value: Cel): Cel {
  return conditional(condition, cel`[JSONPatch{op: 'add', path: ${path}, value: ${value}}]`, cel`[]`);
}

/** Joins lists, one to a line. */
export function concat(lists: readonly Cel[]): Cel {
  return code(lists.map(({ source }) => source).join(' +\n'));
}
