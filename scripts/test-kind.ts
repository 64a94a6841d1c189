// `npm run test:kind`: the image, installed in a kind cluster, or one line that says why none can run here. Arguments go to vitest.
import { join } from 'node:path';
import { whyNoKind } from '../dev/cluster/kind.ts';
import { runNode } from './run-node.ts';

const obstacle = await whyNoKind(process.env);
if (obstacle === undefined) {
  const vitest = join('node_modules', 'vitest', 'vitest.mjs');
  process.exitCode = await runNode([vitest, 'run', '--project', 'kind', ...process.argv.slice(2)]);
} else console.log(`not run: ${obstacle}`);
