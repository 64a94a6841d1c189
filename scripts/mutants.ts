// Small faults that a program can have, made by its syntax: which test finds each of them is asked by scripts/mutation.ts.
import { parseAst } from 'vitest/node';

/** One fault: `original` at `line` reads `replacement`. Its id is its place in the list of all. */
export interface Mutant {
  readonly file: string;
  readonly line: number;
  readonly kind: string;
  readonly original: string;
  readonly replacement: string;
}

export interface Instrumented {
  readonly mutants: readonly Mutant[];
  /** The source with all of its mutants in it, each of which `__mutant(id)` switches on. */
  readonly code: string;
}

/** The part of ESTree that is looked at; what a field holds depends on the type. */
interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

const EQUALITIES: Readonly<Record<string, readonly string[]>> = {
  '===': ['!=='],
  '!==': ['==='],
  '<': ['<=', '>='],
  '<=': ['<', '>'],
  '>': ['>=', '<='],
  '>=': ['>', '<'],
};
const ARITHMETIC: Readonly<Record<string, string>> = { '+': '-', '-': '+', '*': '/', '/': '*', '%': '*' };
const LOGIC: Readonly<Record<string, string>> = { '&&': '||', '||': '&&', '??': '&&' };
/** Empty: the call is left out, and what it was called on stays. */
const METHODS: Readonly<Record<string, string>> = {
  startsWith: 'endsWith',
  endsWith: 'startsWith',
  toLowerCase: 'toUpperCase',
  some: 'every',
  every: 'some',
  filter: '',
  toSorted: '',
  slice: '',
  difference: '',
  replaceAll: '',
  replace: '',
};

/** A statement is left out, or what an expression says is another. */
type Change = readonly [kind: string, replacement: string];

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && 'type' in value && 'start' in value;

/** Types, names of members and what is imported are not of the running program. */
function childrenOf(node: Node): readonly Node[] {
  if (/^TS(?!As|Satisfies|NonNull)|^(Import|Export(Named|All))/.test(node.type) && node['declaration'] == null)
    return [];
  return Object.entries(node)
    .filter(([field]) => !/^(typeAnnotation|typeParameters|typeArguments|returnType|quasis|label)$/.test(field))
    .filter(([field]) => !(field === 'key' && node['computed'] !== true))
    .filter(([field]) => !(field === 'property' && node['computed'] !== true))
    .flatMap(([, value]) => (Array.isArray(value) ? value : [value]))
    .filter(isNode)
    .toSorted((a, b) => a.start - b.start);
}

/** What is wrong with a node in a mutant, as replacements of its text. */
function changesOf(node: Node, source: string): readonly Change[] {
  const text = (part: unknown): string => (isNode(part) ? source.slice(part.start, part.end) : '');
  const { left, right, operator, argument } = node;
  switch (node.type) {
    case 'BinaryExpression':
      return binaryChanges(String(operator), text(left), text(right));
    case 'LogicalExpression':
      return [
        ['logic', `(${text(left)}) ${LOGIC[String(operator)]} (${text(right)})`],
        ['logic', text(left)],
      ];
    case 'UnaryExpression':
      return operator === '!' ? [['negation', text(argument)]] : [];
    case 'Literal':
      return literalChanges(node, source);
    case 'TemplateLiteral':
      return [['text', '``']];
    case 'ArrayExpression':
      return text(node) === '[]' ? [] : [['list', '[]']];
    case 'ObjectExpression':
      return text(node) === '{}' ? [] : [['object', '{}']];
    case 'ConditionalExpression':
      return [
        ['condition', text(node['consequent'])],
        ['condition', text(node['alternate'])],
      ];
    case 'ChainExpression':
      return text(node).includes('?.') ? [['chain', text(node).replace(/\?\.(?=[[(])|\?(?=\.)/, '')]] : [];
    case 'CallExpression':
      return methodChanges(node, source);
    default:
      return [];
  }
}

function binaryChanges(operator: string, left: string, right: string): readonly Change[] {
  const others = EQUALITIES[operator];
  if (others !== undefined) {
    return [
      ...others.map((other): Change => ['comparison', `(${left}) ${other} (${right})`]),
      ['condition', 'true'],
      ['condition', 'false'],
    ];
  }
  const other = ARITHMETIC[operator];
  return other === undefined ? [] : [['arithmetic', `(${left}) ${other} (${right})`]];
}

function literalChanges({ value, regex }: Node, source: string): readonly Change[] {
  if (typeof value === 'boolean') return [['boolean', String(!value)]];
  if (typeof value === 'number') return [['number', String(value + 1)]];
  if (typeof value === 'string') return [['text', value === '' ? `'mutant'` : `''`]];
  if (regex === undefined || regex === null || source === '') return [];
  const { pattern, flags } = regex as { readonly pattern: string; readonly flags: string };
  return [/^\^/, /\$$/]
    .map((anchor) => pattern.replace(anchor, ''))
    .filter((loose) => loose !== pattern && loose !== '')
    .map((loose): Change => ['pattern', `/${loose}/${flags}`]);
}

function methodChanges({ callee, arguments: args }: Node, source: string): readonly Change[] {
  if (!isNode(callee) || callee.type !== 'MemberExpression' || callee['computed'] === true) return [];
  const { object, property } = callee;
  if (!isNode(object) || !isNode(property) || !Array.isArray(args)) return [];
  const other = METHODS[source.slice(property.start, property.end)];
  if (other === undefined) return [];
  const receiver = source.slice(object.start, object.end);
  const values = args
    .filter(isNode)
    .map(({ start, end }) => source.slice(start, end))
    .join(', ');
  return [['method', other === '' ? receiver : `${receiver}.${other}(${values})`]];
}

/** Makes all mutants of a file, with ids from `firstId` on. */
export function instrument(file: string, source: string, firstId: number): Instrumented {
  const mutants: Mutant[] = [];
  const add = (node: Node, kind: string, replacement: string): string => {
    const line = source.slice(0, node.start).split('\n').length;
    mutants.push({ file, line, kind, original: source.slice(node.start, node.end), replacement });
    return `__mutant(${firstId + mutants.length - 1})`;
  };
  const emit = (node: Node, parent: Node): string => {
    const inner = within(node);
    return wrap(node, parent, inner);
  };
  const within = (node: Node): string => {
    let code = '';
    let position = node.start;
    const isShorthand = node.type === 'Property' && node['shorthand'] === true;
    const children = childrenOf(node).filter((child) => !isShorthand || child === node['value']);
    for (const child of children) {
      code += source.slice(position, child.start) + emit(child, node);
      position = child.end;
    }
    return code + source.slice(position, node.end);
  };
  const wrap = (node: Node, parent: Node, code: string): string => {
    if (node.type === 'BlockStatement') {
      if (code.replaceAll(/\s/g, '') === '{}') return code;
      if (/^(For|While|DoWhile)/.test(parent.type)) return `{ __step(); ${code.slice(1)}`;
      if (/Function/.test(parent.type))
        return `{ if (${add(node, 'body', 'nothing')}) return undefined; ${code.slice(1)}`;
      return `{ if (!${add(node, 'block', 'nothing')}) ${code} }`;
    }
    if (node.type === 'ExpressionStatement' && node['directive'] == null) {
      return `if (!${add(node, 'statement', 'nothing')}) { ${code} }`;
    }
    if (isSpread(parent)) {
      return `(${add(node, 'spread', 'nothing')} ? [] : (${code}))`;
    }
    if (/^(Chain|TaggedTemplate)Expression$/.test(parent.type)) return code;
    if (parent.type === 'ArrowFunctionExpression' && parent['body'] === node) {
      const body = `(${add(node, 'result', 'undefined')} ? undefined : (${code}))`;
      return choices(node, body);
    }
    return choices(node, code);
  };
  const choices = (node: Node, code: string): string => {
    const changes = changesOf(node, source);
    if (changes.length === 0) return code;
    const cases = changes.map(([kind, replacement]) => `${add(node, kind, replacement)} ? (${replacement}) : `);
    return `(${cases.join('')}(${code}))`;
  };
  const program = parseAst(source, { lang: 'ts' }) as unknown as Node;
  const code = source.slice(0, program.start) + within(program) + source.slice(program.end);
  return { mutants, code };
}

const isSpread = ({ type }: Node): boolean => type === 'SpreadElement';
