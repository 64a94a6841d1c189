// `npm run monitoring:record`: runs the real operator for five minutes, does things to it, and keeps what it exports. `npm run generate`
// draws docs/monitoring.svg from that.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { record } from './monitoring/record.ts';

const { series, ...rest } = await record((line) => console.log(line));
const lines = Object.entries(series).map(([name, values]) => `    ${JSON.stringify(name)}: ${JSON.stringify(values)}`);
const head = Object.entries(rest).map(([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)},`);
const file = fileURLToPath(new URL('monitoring/recording.json', import.meta.url));
writeFileSync(file, `{\n${head.join('\n')}\n  "series": {\n${lines.join(',\n')}\n  }\n}\n`);
console.log('wrote scripts/monitoring/recording.json; now `npm run generate`');
