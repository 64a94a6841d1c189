import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { stringify } from 'yaml';
import { run } from '../../dev/cluster/process.ts';
import { obtainPromtool } from '../../dev/cluster/promtool.ts';
import { freePort } from '../../dev/stack/operator-process.ts';
import { ROWS } from '../../scripts/monitoring/panels.ts';
import { isOfTheProcess, metricFamilies } from '../../scripts/monitoring/registry.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const ALERTS = join(ROOT, 'charts', 'federated-identity-operator', 'files', 'alerts.yaml');
/** A tool that is built on the way takes minutes; a busy machine takes its time. */
const PATIENCE_MS = 900_000;

let promtool = '';
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'monitoring-'));
  promtool = await obtainPromtool((line) => process.stderr.write(`▸ ${line}\n`));
}, PATIENCE_MS);
afterAll(() => rm(folder, { recursive: true }));

const check = (args: readonly string[], input = ''): Promise<string> =>
  run(promtool, args, { input, timeoutMs: 120_000 });

describe('promtool', () => {
  test('accepts the alerts', async () => {
    expect(await check(['check', 'rules', '--lint=all', '--lint-fatal', ALERTS])).toContain('SUCCESS');
  });

  test('sees each alert fire in its time, and stay silent in its other case', { timeout: PATIENCE_MS }, async () => {
    const tests = join(ROOT, 'scripts', 'monitoring', 'alerts.test.yaml');
    expect(await check(['test', 'rules', tests])).toContain('SUCCESS');
  });

  test('accepts every expression of the dashboard', async () => {
    const queries = ROWS.flatMap(({ panels }) => panels.flatMap((panel) => panel.queries));
    const rules = queries.map(({ expression }, index) => ({
      record: `panel:${index}`,
      expr: expression.replaceAll('$__rate_interval', '5m').replaceAll('$namespace', '.*'),
    }));
    const file = join(folder, 'dashboard.yaml');
    await writeFile(file, stringify({ groups: [{ name: 'dashboard', rules }] }));
    expect(await check(['check', 'rules', '--lint=none', file])).toContain(`SUCCESS: ${rules.length} rules found`);
  });
});

describe('a replica of its own process, which reaches no API server', () => {
  let scrape = '';
  beforeAll(async () => {
    scrape = await firstScrape();
  }, 120_000);

  test('shows from its first scrape on all metrics that the tests and docs/monitoring.md are about', async () => {
    const shown = [...scrape.matchAll(/^# TYPE (\S+) (\w+)$/gm)].map(([, name, type]) => `${name} ${type}`);
    const documented = (await metricFamilies()).map(({ name, type }) => `${name} ${type}`);
    expect(shown.toSorted()).toEqual(documented.toSorted());
  });

  test('names them as promtool wants them named', async () => {
    const families = new Set(
      (await metricFamilies()).filter((family) => !isOfTheProcess(family)).map(({ name }) => name),
    );
    const ours = scrape
      .split(/^(?=# HELP )/m)
      .filter((family) => families.has(/^# HELP (\S+)/.exec(family)?.[1] ?? ''));
    expect(ours).toHaveLength(families.size);
    await check(['check', 'metrics'], `${ours.map((family) => family.trim()).join('\n')}\n`);
  });
});

/** Starts the operator against a port where nothing listens, and reads its metrics as soon as it serves them. */
async function firstScrape(): Promise<string> {
  const kubeconfig = join(folder, 'kubeconfig');
  await writeFile(kubeconfig, NOBODY);
  const port = await freePort();
  const operator = spawn(process.execPath, [join(ROOT, 'src', 'main.ts'), 'run'], {
    stdio: 'ignore',
    env: {
      PATH: process.env['PATH'],
      HOME: folder,
      KUBECONFIG: kubeconfig,
      INJECTION: 'webhook',
      WEBHOOK_BIND_ADDRESS: '127.0.0.1:0',
      METRICS_BIND_ADDRESS: `127.0.0.1:${port}`,
    },
  });
  try {
    const read = (): Promise<string> => fetch(`http://127.0.0.1:${port}/metrics`).then((response) => response.text());
    return await vi.waitFor(read, { timeout: 90_000, interval: 200 });
  } finally {
    operator.kill('SIGKILL');
  }
}

const NOBODY = stringify({
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [{ name: 'nobody', cluster: { server: 'https://127.0.0.1:1' } }],
  users: [{ name: 'nobody', user: { token: 'none' } }],
  contexts: [{ name: 'nobody', context: { cluster: 'nobody', user: 'nobody' } }],
  'current-context': 'nobody',
});
