// `npm run test:mutation`: how many small faults in the core the tests beside it find. Ends with 1 below the bar.
//   --only TEXT   of the files only those whose path has TEXT
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createVitest, type TestSpecification, type Vitest } from 'vitest/node';
import { instrument, type Mutant } from './mutants.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** Of a hundred mutants at least so many must be found. */
const BAR = 85;

const IDENTITY = 'src/controllers/aws-federated-identity';
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  plan: [
    `${IDENTITY}/plan.ts`,
    `${IDENTITY}/policy-changes.ts`,
    `${IDENTITY}/drift-row.ts`,
    `${IDENTITY}/plan-binding.ts`,
    `${IDENTITY}/desired.ts`,
    'src/controllers/aws-oidc-provider/plan.ts',
    'src/controllers/aws-oidc-provider/desired.ts',
    'src/controllers/annotated-service-account/plan.ts',
  ],
  ownership: [`${IDENTITY}/ownership.ts`, `${IDENTITY}/adoption.ts`, 'src/iam/tags.ts'],
  'policy comparison': ['src/iam/policy-document.ts', 'src/iam/trust-policy.ts'],
  guardrails: [
    `${IDENTITY}/guardrails.ts`,
    `${IDENTITY}/accept.ts`,
    'src/iam/glob.ts',
    'src/iam/policy-arn-patterns.ts',
  ],
};

/** The tests beside these files, and no others: what is pure must be held where it stands. */
const TESTS = Object.values(GROUPS)
  .flat()
  .flatMap((file) => ['.test.ts', '.*.test.ts'].map((end) => file.replace(/\.ts$/, end)));

interface Work {
  readonly mutants: readonly Mutant[];
  readonly sources: ReadonlyMap<string, string>;
}

async function instrumentAll(files: readonly string[]): Promise<Work> {
  const mutants: Mutant[] = [];
  const sources = new Map<string, string>();
  for (const file of files) {
    const source = await readFile(join(ROOT, file), 'utf8'); // oxlint-disable-line no-await-in-loop -- ids follow the order
    const made = instrument(file, source, mutants.length);
    mutants.push(...made.mutants);
    sources.set(join(ROOT, file), made.code);
  }
  return { mutants, sources };
}

/** What the worker is told and tells, as files. */
interface Notes {
  readonly report: string;
  readonly active: string;
}

function startVitest(sources: ReadonlyMap<string, string>, { report, active }: Notes): Promise<Vitest> {
  const plugin = {
    name: 'mutants',
    enforce: 'pre',
    transform: (_code: string, id: string) => sources.get(id),
  } as const;
  return createVitest(
    {
      root: ROOT,
      config: false,
      watch: false,
      fsModuleCache: false, // or an ordinary run would be given mutants
      include: TESTS,
      setupFiles: [join(ROOT, 'scripts', 'mutation-worker.ts')],
      reporters: [{}],
      maxWorkers: 2,
      testTimeout: 60_000,
      env: { MUTATION_REPORT: report, MUTATION_ACTIVE: active },
    },
    { plugins: [plugin] },
  );
}

/** Of each mutant that a test came across, in which files; and those that were found. */
interface Findings {
  readonly covered: ReadonlyMap<number, ReadonlySet<string>>;
  readonly found: ReadonlySet<number>;
}

async function readReport(file: string): Promise<Findings> {
  const covered = new Map<number, Set<string>>();
  const found = new Set<number>();
  for (const line of (await readFile(file, 'utf8')).split('\n')) {
    const [word = '', id = '', testFile = ''] = line.split(' ');
    if (word === 'found') found.add(Number(id));
    if (word === 'covered') covered.set(Number(id), (covered.get(Number(id)) ?? new Set()).add(testFile));
  }
  return { covered, found };
}

/** True if a test fails with the mutant in force from the first import on. */
async function isFoundAlone(vitest: Vitest, specifications: readonly TestSpecification[]): Promise<boolean> {
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications([...specifications]);
  return unhandledErrors.length > 0 || testModules.some((module) => !module.ok());
}

async function judge({ mutants, sources }: Work, notes: Notes): Promise<ReadonlySet<number>> {
  const vitest = await startVitest(sources, notes);
  try {
    const all = await vitest.globTestSpecifications();
    // What the quick tests find need not be looked for by random inputs.
    const isQuick = ({ moduleId }: TestSpecification): boolean => !moduleId.includes('.property.');
    for (const batch of [all.filter(isQuick), all.filter((each) => !isQuick(each))]) {
      const { testModules } = await vitest.runTestSpecifications(batch); // oxlint-disable-line no-await-in-loop
      const broken = testModules.filter((module) => !module.ok()).map(({ moduleId }) => relative(ROOT, moduleId));
      if (broken.length > 0) throw new Error(`these tests fail without any mutant: ${broken.join(', ')}`);
    }
    const { covered, found } = await readReport(notes.report);
    const left = mutants.map((_, id) => id).filter((id) => !found.has(id) && covered.has(id));
    console.log(`${mutants.length} mutants, ${found.size} found at once; ${left.length} are tried one by one`);
    const alone = new Set<number>();
    for (const id of left) {
      const files = covered.get(id) ?? new Set();
      const specifications = all.filter((each) => isQuick(each) && files.has(each.moduleId));
      await writeFile(notes.active, String(id)); // oxlint-disable-line no-await-in-loop -- one mutant at a time
      if (await isFoundAlone(vitest, specifications)) alone.add(id); // oxlint-disable-line no-await-in-loop
    }
    return found.union(alone);
  } finally {
    await vitest.close();
  }
}

/** The table of docs/reliability.md, and what was not found. */
function print({ mutants }: Work, found: ReadonlySet<number>): number {
  for (const [id, { file, line, kind, original, replacement }] of mutants.entries()) {
    const short = (text: string): string =>
      JSON.stringify(text.length > 90 ? `${text.slice(0, 90)}…` : text).slice(1, -1);
    if (!found.has(id)) console.log(`${file}:${line} ${kind}: ${short(original)}\n    → ${short(replacement)}`);
  }
  const scoreOf = (files: readonly string[]): readonly [found: number, all: number] => {
    const ids = [...mutants.entries()].filter(([, { file }]) => files.includes(file)).map(([id]) => id);
    return [ids.filter((id) => found.has(id)).length, ids.length];
  };
  const rows = [...Object.entries(GROUPS), ['all', Object.values(GROUPS).flat()] as const].map(([name, files]) => {
    const [killed, all] = scoreOf(files);
    return `| ${name} | ${all} | ${killed} | ${((100 * killed) / Math.max(1, all)).toFixed(1)} % |`;
  });
  console.log(['', '| | mutants | found | score |', '|---|---|---|---|', ...rows].join('\n'));
  return (100 * found.size) / Math.max(1, mutants.length);
}

const { values } = parseArgs({ options: { only: { type: 'string', default: '' } } });
const folder = await mkdtemp(join(tmpdir(), 'mutation-'));
try {
  const notes = { report: join(folder, 'report'), active: join(folder, 'active') };
  await writeFile(notes.report, '');
  await writeFile(notes.active, '');
  const files = Object.values(GROUPS).flat();
  const work = await instrumentAll(files.filter((file) => file.includes(values.only)));
  const score = print(work, await judge(work, notes));
  process.exitCode = score >= BAR ? 0 : 1;
} finally {
  await rm(folder, { recursive: true });
}
