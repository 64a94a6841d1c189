// Runs the Lua of config/argocd in a real interpreter, as Argo CD runs it and its own test files.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { AwsFederatedIdentitySpec, AwsFederatedIdentityStatus } from '../src/crds/aws-federated-identity.ts';
import { AwsOidcProviderSpec, AwsOidcProviderStatus } from '../src/crds/aws-oidc-provider.ts';
import { Reason } from '../src/crds/condition.ts';

const ARGOCD = fileURLToPath(new URL('../config/argocd', import.meta.url));
const GROUP = 'federatedidentity.dev';
const REQUESTED_AT = 'federatedidentity.dev/requestedAt';
const KINDS = [
  { kind: 'AwsFederatedIdentity', spec: AwsFederatedIdentitySpec, status: AwsFederatedIdentityStatus },
  { kind: 'AwsOidcProvider', spec: AwsOidcProviderSpec, status: AwsOidcProviderStatus },
] as const;

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
type JsonObject = Readonly<Record<string, Json>>;
interface Resource {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: unknown;
  readonly status?: { readonly conditions?: readonly { readonly reason: string }[] };
}
interface HealthTests {
  readonly tests: readonly { readonly healthStatus: JsonObject; readonly inputPath: string }[];
}
interface ActionTests {
  readonly discoveryTests: readonly { readonly inputPath: string; readonly result: readonly JsonObject[] }[];
  readonly actionTests: readonly {
    readonly action: string;
    readonly inputPath: string;
    readonly expectedOutputPath: string;
  }[];
}

const read = (...path: readonly string[]): string => readFileSync(join(ARGOCD, ...path), 'utf8');
const load = <T>(...path: readonly string[]): T => parse(read(...path)) as T;
const loadAll = (...path: readonly string[]): readonly Resource[] =>
  parseAllDocuments(read(...path)).map((document) => document.toJS() as Resource);

// --- The interpreter --------------------------------------------------------------------------------------------------

type State = object & { readonly __brand: 'lua_State' };
/** The part of Lua's C API that is used here; the package has no types. */
interface Fengari {
  readonly to_luastring: (text: string) => Uint8Array;
  readonly to_jsstring: (text: Uint8Array) => string;
  readonly lualib: Readonly<Record<'luaopen_base' | 'luaopen_table' | 'luaopen_package' | 'luaopen_os', unknown>>;
  readonly lauxlib: {
    readonly luaL_newstate: () => State;
    readonly luaL_requiref: (L: State, name: Uint8Array, open: unknown, global: number) => void;
    readonly luaL_dostring: (L: State, script: Uint8Array) => number | boolean;
  };
  readonly lua: Readonly<Record<'LUA_TNIL' | 'LUA_TBOOLEAN' | 'LUA_TNUMBER' | 'LUA_TSTRING' | 'LUA_TTABLE', number>> & {
    readonly lua_pushnil: (L: State) => void;
    readonly lua_pushboolean: (L: State, value: boolean) => void;
    readonly lua_pushnumber: (L: State, value: number) => void;
    readonly lua_pushstring: (L: State, value: Uint8Array) => void;
    readonly lua_pushcfunction: (L: State, value: (L: State) => number) => void;
    readonly lua_newtable: (L: State) => void;
    readonly lua_rawset: (L: State, index: number) => void;
    readonly lua_setglobal: (L: State, name: Uint8Array) => void;
    readonly lua_gettop: (L: State) => number;
    readonly lua_pop: (L: State, count: number) => void;
    readonly lua_next: (L: State, index: number) => number;
    readonly lua_type: (L: State, index: number) => number;
    readonly lua_toboolean: (L: State, index: number) => boolean;
    readonly lua_tonumber: (L: State, index: number) => number;
    readonly lua_tostring: (L: State, index: number) => Uint8Array;
  };
}
const require = createRequire(import.meta.url);
const { lua, lauxlib, lualib, to_luastring, to_jsstring } = require('fengari') as Fengari;

/** Only what Argo CD opens for a script from argocd-cm: no string, math or io library, and two functions of os. */
function newState(): State {
  const L = lauxlib.luaL_newstate();
  const open = (name: string, library: unknown): void => {
    lauxlib.luaL_requiref(L, to_luastring(name), library, 1);
    lua.lua_pop(L, 1);
  };
  open('_G', lualib.luaopen_base);
  open('package', lualib.luaopen_package);
  open('table', lualib.luaopen_table);
  open('os', lualib.luaopen_os);
  lua.lua_pushcfunction(L, date);
  lua.lua_setglobal(L, to_luastring('utc'));
  const safeOs = 'os = {date = utc, time = os.time}; package.loaded.os = os; utc = nil';
  expect(Number(lauxlib.luaL_dostring(L, to_luastring(safeOs)))).toBe(0);
  return L;
}

/** os.date in UTC: that of the package ignores the '!' of the format. Throws for anything but this one format. */
function date(L: State): number {
  expect(to_jsstring(lua.lua_tostring(L, 1))).toBe('!%Y-%m-%dT%XZ');
  lua.lua_pushstring(L, to_luastring(`${new Date().toISOString().slice(0, 19)}Z`));
  return 1;
}

/** The value that the script returns for `obj`. Throws the script's error. */
function run(script: string, obj: unknown): Json {
  const L = newState();
  push(L, obj as Json);
  lua.lua_setglobal(L, to_luastring('obj'));
  const failed = Number(lauxlib.luaL_dostring(L, to_luastring(script))) !== 0;
  if (failed) throw new Error(to_jsstring(lua.lua_tostring(L, -1)));
  return pop(L);
}

function push(L: State, value: Json): void {
  if (value === null) return lua.lua_pushnil(L);
  if (typeof value === 'boolean') return lua.lua_pushboolean(L, value);
  if (typeof value === 'number') return lua.lua_pushnumber(L, value); // a float, as every number of Argo CD's Lua 5.1
  if (typeof value === 'string') return lua.lua_pushstring(L, to_luastring(value));
  lua.lua_newtable(L);
  const entries = Array.isArray(value) ? value.map((item: Json, at) => [at + 1, item] as const) : Object.entries(value);
  for (const [key, item] of entries) {
    push(L, key);
    push(L, item);
    lua.lua_rawset(L, -3);
  }
  return undefined;
}

/** As Argo CD encodes to JSON: an empty table is an empty array, for Lua does not know the difference. */
function pop(L: State): Json {
  const value = top(L);
  lua.lua_pop(L, 1);
  return value;
}

function top(L: State): Json {
  const type = lua.lua_type(L, -1);
  if (type === lua.LUA_TNIL) return null;
  if (type === lua.LUA_TBOOLEAN) return lua.lua_toboolean(L, -1);
  if (type === lua.LUA_TNUMBER) return lua.lua_tonumber(L, -1);
  if (type === lua.LUA_TSTRING) return to_jsstring(lua.lua_tostring(L, -1));
  if (type !== lua.LUA_TTABLE) throw new Error(`a value of Lua type ${type} has no JSON`);
  const entries: [string | number, Json][] = [];
  const table = lua.lua_gettop(L);
  lua.lua_pushnil(L);
  while (lua.lua_next(L, table) !== 0) {
    const value = pop(L);
    entries.push([top(L) as string | number, value]);
  }
  const isArray = entries.every(([key]) => typeof key === 'number');
  return isArray ? entries.map(([, value]) => value) : (Object.fromEntries(entries) as JsonObject);
}

/** What Argo CD does to the result of an action: an object that became an empty array is the object again. */
function restoreEmpty(value: Json, before: Json | undefined): Json {
  if (typeof before !== 'object' || before === null || typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value) && !Array.isArray(before)) return value.length === 0 ? before : value;
  if (Array.isArray(value)) return value.map((item: Json, at) => restoreEmpty(item, (before as readonly Json[])[at]));
  const known = before as JsonObject;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, restoreEmpty(item, known[key])]));
}

// --- The tests --------------------------------------------------------------------------------------------------------

describe.each(KINDS)('Argo CD and $kind', ({ kind, spec, status }) => {
  const folder = join(GROUP, kind);
  const health = load<HealthTests>(folder, 'health_test.yaml').tests;
  const { discoveryTests, actionTests } = load<ActionTests>(folder, 'actions', 'action_test.yaml');
  const actions = readdirSync(join(ARGOCD, folder, 'actions'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'testdata')
    .map(({ name }) => name);

  test.each(health)('$inputPath is $healthStatus.status', ({ healthStatus, inputPath }) => {
    expect(run(read(folder, 'health.lua'), load(folder, inputPath))).toEqual(healthStatus);
  });

  test('has at least ten cases of health, and every state that an object can be in', () => {
    expect(health.length).toBeGreaterThanOrEqual(10);
    const states = kind === 'AwsOidcProvider' ? ['Degraded', 'Healthy', 'Progressing'] : undefined;
    expect([...new Set(health.map(({ healthStatus }) => healthStatus['status']))].toSorted()).toEqual(
      states ?? ['Degraded', 'Healthy', 'Progressing', 'Suspended'],
    );
  });

  test('is never healthy once the spec has changed, whatever the old status says', () => {
    const ready = load<{ readonly metadata: object }>(folder, 'testdata', 'ready.yaml');
    const changed = { ...ready, metadata: { ...ready.metadata, generation: 99 } };
    expect(run(read(folder, 'health.lua'), changed)).toMatchObject({ status: 'Progressing' });
  });

  test('is tested with objects that the API server would store', () => {
    const files = ['testdata', join('actions', 'testdata')].flatMap((path) =>
      readdirSync(join(ARGOCD, folder, path)).map((file) => join(path, file)),
    );
    for (const file of files) {
      const object = load<Resource>(folder, file);
      expect.soft(object, file).toMatchObject({ apiVersion: `${GROUP}/v1alpha1`, kind });
      expect.soft(spec.strict().safeParse(object.spec).error, file).toBeUndefined();
      expect.soft(status.strict().safeParse(object.status ?? {}).error, file).toBeUndefined();
      const reasons = object.status?.conditions?.map(({ reason }) => reason) ?? [];
      expect.soft(Reason.array().safeParse(reasons).error, file).toBeUndefined();
    }
    expect(health.map(({ inputPath }) => inputPath).toSorted(), 'every file is a case').toEqual(
      files.filter((file) => dirname(file) === 'testdata').toSorted(),
    );
  });

  test.each(discoveryTests)('offers the right actions for $inputPath', ({ inputPath, result }) => {
    const found = run(read(folder, 'actions', 'discovery.lua'), load(folder, 'actions', inputPath)) as JsonObject;
    const list = Object.entries(found).map(([name, of]) => ({ name, ...(of as JsonObject) }));
    expect(list.toSorted((a, b) => (a.name < b.name ? -1 : 1))).toEqual(
      result.toSorted((a, b) => (String(a['name']) < String(b['name']) ? -1 : 1)),
    );
    expect(Object.keys(found).toSorted()).toEqual(actions.toSorted());
  });

  test.each(actionTests)('$action turns $inputPath into $expectedOutputPath', (row) => {
    const input = load<Json>(folder, 'actions', row.inputPath);
    const begin = Date.now();
    const output = restoreEmpty(run(read(folder, 'actions', row.action, 'action.lua'), input), input);
    const expected = load<Resource>(folder, 'actions', row.expectedOutputPath);
    const time = (output as unknown as Resource).metadata.annotations?.[REQUESTED_AT];
    if (row.action !== 'reconcile' || time === undefined) return expect(output).toEqual(expected);
    expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(Math.abs(Date.parse(time) - begin)).toBeLessThan(10_000);
    // Argo CD's own test puts this time in the place of the present one.
    const fixed = JSON.stringify(output).replace(
      `"${REQUESTED_AT}":"${time}"`,
      `"${REQUESTED_AT}":"0001-01-01T00:00:00Z"`,
    );
    return expect(JSON.parse(fixed)).toEqual(expected);
  });

  test('tests every action', () => {
    expect([...new Set(actionTests.map(({ action }) => action))].toSorted()).toEqual(actions.toSorted());
  });
});

describe('argocd-cm.yaml', () => {
  test('carries the same Lua as the files (vitest -u writes it anew)', async () => {
    const data = KINDS.flatMap(({ kind }) => {
      const folder = join(GROUP, kind);
      const names = ['reconcile', 'suspend', 'resume'];
      const definitions = names
        .filter((name) => existsSync(join(ARGOCD, folder, 'actions', name)))
        .map((name) => ({ name, 'action.lua': read(folder, 'actions', name, 'action.lua') }));
      const actions = { 'discovery.lua': read(folder, 'actions', 'discovery.lua'), definitions };
      return [
        [`resource.customizations.health.${GROUP}_${kind}`, read(folder, 'health.lua')],
        [`resource.customizations.actions.${GROUP}_${kind}`, stringify(actions, { lineWidth: 0 })],
      ];
    });
    const configMap = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'argocd-cm', namespace: 'argocd', labels: { 'app.kubernetes.io/part-of': 'argocd' } },
      data: Object.fromEntries(data) as Readonly<Record<string, string>>,
    };
    const head =
      '# Generated from the Lua beside it by scripts/argocd.test.ts (vitest -u): edit the Lua, not this file.\n' +
      '# Add it to an Argo CD that is there: kubectl apply --server-side --field-manager=federated-identity -f …\n';
    await expect(head + stringify(configMap, { lineWidth: 0 })).toMatchFileSnapshot(join(ARGOCD, 'argocd-cm.yaml'));
  });
});

const wave = ({ metadata }: Resource): string | undefined => metadata.annotations?.['argocd.argoproj.io/sync-wave'];

describe('The example of an Application', () => {
  test('brings provider, identity and workload in this order, after the operator', () => {
    const resources = loadAll('example', 'resources.yaml');
    expect(resources.map((resource) => [resource.kind, wave(resource)])).toEqual([
      ['AwsOidcProvider', '-1'],
      ['Namespace', '-1'],
      ['AwsFederatedIdentity', '0'],
      ['Deployment', '1'],
    ]);
    for (const { kind, spec } of KINDS) {
      spec.strict().parse(resources.find((resource) => resource.kind === kind)?.spec);
    }
    expect(read('application.yaml')).toContain('argocd.argoproj.io/sync-wave: "-2"');
  });

  test('syncs before the CRDs are there, and by server-side apply', () => {
    const [application] = loadAll('application.yaml');
    expect(application?.spec).toMatchObject({
      syncPolicy: { syncOptions: expect.arrayContaining(['SkipDryRunOnMissingResource=true', 'ServerSideApply=true']) },
    });
  });
});

test('docs/gitops.md shows YAML that parses, and identities that fit the schema', () => {
  const blocks = [...read('../../docs/gitops.md').matchAll(/^```yaml\n(.*?)^```/gms)].map(([, text = '']) => text);
  const documents = blocks.flatMap((text) => parseAllDocuments(text));
  expect(documents.flatMap(({ errors }) => errors)).toEqual([]);
  const objects = documents.map((document) => document.toJS() as Partial<Resource>);
  const identities = objects.filter(({ kind }) => kind === 'AwsFederatedIdentity');
  expect(identities.length).toBeGreaterThanOrEqual(2);
  for (const { spec } of identities) AwsFederatedIdentitySpec.strict().parse(spec);
});
