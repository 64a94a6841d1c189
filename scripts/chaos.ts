// `npm run test:chaos`: random pods while the operator is killed, frozen and started again (docs/injection.md, Measured). Takes
// about ten minutes; ends with 1 if a pod was neither injected nor denied although it should have been.
import { parseArgs } from 'node:util';
import { type Mode } from '../test/support/chaos-cluster.ts';
import { type ChaosResult, runChaos } from '../test/support/chaos-run.ts';
import { chaosTable } from '../test/support/chaos-table.ts';

const { values } = parseArgs({
  options: {
    pods: { type: 'string', default: '10000' },
    rate: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    mode: { type: 'string', default: 'policy,webhook' },
    /** Kills, freezes and stops only the operator: no pod may be bare then, beyond the lag of a watch. */
    'operator-only': { type: 'boolean', default: false },
  },
});

function wholeNumber(name: 'pods' | 'rate' | 'seed'): number {
  const value = Number(values[name]);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} ${values[name]}: a whole number from 1 on`);
  return value;
}

function modesOf(text: string): readonly Mode[] {
  return text.split(',').map((mode) => {
    if (mode !== 'policy' && mode !== 'webhook') throw new Error(`--mode ${text}: policy, webhook or policy,webhook`);
    return mode;
  });
}

const modes = modesOf(values.mode);
const [pods, rate, seed] = [wholeNumber('pods'), wholeNumber('rate'), wholeNumber('seed')];
console.log(`--seed ${seed}`);
const results: ChaosResult[] = [];
for (const mode of modes) {
  const others = values['operator-only']
    ? { restarts: [], losesTable: false }
    : { restarts: [0.4, 0.75], losesTable: true };
  const options = { mode, rate, seed, pods: Math.ceil(pods / modes.length), ...others };
  results.push(await runChaos({ ...options, progress: (line) => console.error(line) }));
}
for (const { mode, violations } of results) for (const violation of violations) console.log(`${mode}: ${violation}\n`);
console.log(chaosTable(results));
process.exitCode = results.some(({ violations }) => violations.length > 0) ? 1 : 0;
