// `npm test`: the checks, then the unit, integration and e2e tests. Its last line is the sum of them all.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Count, runChecks } from './check.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const VITEST = join('node_modules', 'vitest', 'vitest.mjs');

interface Stage {
  readonly title: string;
  readonly run: () => Promise<Count>;
}

const STAGES: readonly Stage[] = [
  { title: 'check: format, lint, types, unused code, generated files', run: runChecks },
  { title: 'unit: the files by themselves', run: () => runSuite('unit') },
  { title: 'integration: parts on a real API server', run: () => runSuite('integration') },
  { title: 'e2e: kubectl apply to AWS credentials in a workload', run: () => runSuite('e2e') },
];

/** The part of vitest's JSON report that is counted. */
interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  /** One for each test file. */
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

async function runSuite(project: string): Promise<Count> {
  const folder = await mkdtemp(join(tmpdir(), 'federated-identity-test-'));
  try {
    const file = join(folder, 'report.json');
    const report = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
    const code = await runNode([VITEST, 'run', '--project', project, ...report]);
    return countOf(code, await readReport(file));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** A file that fails outside of its tests is one failure, and so is a run that fails for no reason that the report gives. */
function countOf(code: number, report: Report | undefined): Count {
  if (report === undefined) return { passed: 0, failed: 1, skipped: 0 };
  const brokenFiles = report.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.every((test) => test.status !== 'failed'),
  );
  const failed = report.numFailedTests + brokenFiles.length;
  return {
    passed: report.numPassedTests,
    failed: failed === 0 && code !== 0 ? 1 : failed,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

async function readReport(file: string): Promise<Report | undefined> {
  try {
    const report: Report = JSON.parse(await readFile(file, 'utf8'));
    return report;
  } catch (error) {
    console.error(`no report of the tests: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

/** Runs a script by this Node with the terminal of this process; resolves with its exit code. */
function runNode(args: readonly string[]): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] });
  const stop = (): boolean => child.kill();
  process.on('SIGTERM', stop);
  child.once('error', reject);
  child.once('close', (code) => {
    process.off('SIGTERM', stop);
    resolve(code ?? 1);
  });
  return promise;
}

const begin = performance.now();
let sum: Count = { passed: 0, failed: 0, skipped: 0 };
for (const [index, { title, run }] of STAGES.entries()) {
  console.log(`\n── ${index + 1}/${STAGES.length} ${title}`);
  const count = await run(); // oxlint-disable-line no-await-in-loop -- one after the other, the quick ones first
  sum = {
    passed: sum.passed + count.passed,
    failed: sum.failed + count.failed,
    skipped: sum.skipped + count.skipped,
  };
}
console.log(`\n── ${Math.round((performance.now() - begin) / 1000)} s`);
console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
process.exitCode = sum.failed === 0 ? 0 : 1;
