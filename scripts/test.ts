// `npm test`: the checks, then the unit, integration, e2e and (where it can) kubelet tests. Its last line is the sum of them all.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { whyNoNode } from '../dev/node/requirements.ts';
import { type Count, runChecks } from './check.ts';
import { heldFaults } from './fault-matrix.ts';
import { judgeUsedRights } from './rights.ts';
import { runNode } from './run-node.ts';

/** The message of most assertions, its difference and where it was made. */
const LINES_OF_A_FAILURE = 8;

const VITEST = join('node_modules', 'vitest', 'vitest.mjs');

interface Stage {
  readonly title: string;
  readonly run: () => Promise<Count>;
  /** Why it can't run on this machine, or undefined when it can. */
  readonly obstacle?: () => Promise<string | undefined>;
}

const STAGES: readonly Stage[] = [
  { title: 'check: format, lint, types, unused code, generated files', run: runChecks },
  { title: 'unit: the files by themselves', run: () => runSuite('unit') },
  { title: 'integration: parts on a real API server', run: () => runSuite('integration') },
  { title: 'e2e: kubectl apply to AWS credentials in a workload', run: () => runSuite('e2e') },
  { title: 'rights: what the operator used of what it may', run: judgeRights },
  {
    title: 'kubelet: a pod on a real node uses AWS',
    run: () => runSuite('kubelet'),
    obstacle: () => whyNoNode(process.env),
  },
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
    readonly name: string;
    /** Why the file failed outside of its tests; else empty. */
    readonly message: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

async function runSuite(project: string): Promise<Count> {
  const folder = await mkdtemp(join(tmpdir(), 'federated-identity-test-'));
  try {
    const file = join(folder, 'report.json');
    const report = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
    const code = await runNode([VITEST, 'run', '--project', project, ...report]);
    const read = await readReport(file);
    for (const result of read?.testResults ?? []) {
      failures.push(...failuresOf(result));
      tests.push(...result.assertionResults);
    }
    return countOf(code, read);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** What is said of a file's failures at the very end, since a log of thousands of lines is read from there. */
function failuresOf({ name, status, message, assertionResults }: Report['testResults'][number]): readonly string[] {
  const tests = assertionResults.filter((test) => test.status === 'failed');
  if (status === 'failed' && tests.length === 0)
    return [`failed: ${relative('.', name)}: outside of its tests\n    ${message}`];
  return tests.map(({ fullName, failureMessages }) => {
    const reason = failureMessages.join('\n').split('\n').slice(0, LINES_OF_A_FAILURE).join('\n    ');
    return `failed: ${relative('.', name)}: ${fullName}\n    ${reason}`;
  });
}

/** The stacks of the e2e tests leave what they saw in a folder. */
async function judgeRights(): Promise<Count> {
  const wrong = await judgeUsedRights(usedRights);
  failures.push(...wrong);
  console.log(wrong.length === 0 ? '✔ none unused, none missing' : wrong.join('\n'));
  return { passed: wrong.length === 0 ? 1 : 0, failed: wrong.length, skipped: 0 };
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

const begin = performance.now();
let sum: Count = { passed: 0, failed: 0, skipped: 0 };
const notRun: string[] = [];
const tests: Report['testResults'][number]['assertionResults'][number][] = [];
const usedRights = await mkdtemp(join(tmpdir(), 'federated-identity-rights-'));
process.env['USED_RIGHTS_FOLDER'] = usedRights;
const failures: string[] = [];
for (const [index, { title, run, obstacle }] of STAGES.entries()) {
  console.log(`\n── ${index + 1}/${STAGES.length} ${title}`);
  const reason = await obstacle?.(); // oxlint-disable-line no-await-in-loop -- one after the other
  if (reason !== undefined) {
    notRun.push(`not run: ${title} (${reason})`);
    console.log(`not run: ${reason}`);
    continue;
  }
  const count = await run(); // oxlint-disable-line no-await-in-loop -- one after the other, the quick ones first
  sum = {
    passed: sum.passed + count.passed,
    failed: sum.failed + count.failed,
    skipped: sum.skipped + count.skipped,
  };
}
await rm(usedRights, { recursive: true });
console.log(`\n── ${Math.round((performance.now() - begin) / 1000)} s`);
console.log(heldFaults(tests));
for (const line of [...notRun, ...failures]) console.log(line);
console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
process.exitCode = sum.failed === 0 ? 0 : 1;
