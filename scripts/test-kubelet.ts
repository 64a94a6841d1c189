// `npm run test:kubelet`: pods on a real kubelet, or one line that says why none can run here. Arguments go to vitest.
import { join } from 'node:path';
import { whyNoNode } from '../dev/node/requirements.ts';
import { runNode } from './run-node.ts';

const obstacle = await whyNoNode(process.env);
if (obstacle === undefined) {
  const vitest = join('node_modules', 'vitest', 'vitest.mjs');
  process.exitCode = await runNode([vitest, 'run', '--project', 'kubelet', ...process.argv.slice(2)]);
} else console.log(`not run: ${obstacle}`);
