import { obtainTool, type Tool } from './tool.ts';
import type { Progress } from './progress.ts';
import { platformName } from './version.ts';

const VERSION = '3.16.0';
const RELEASE = `https://github.com/prometheus/prometheus/releases/download/v${VERSION}`;
const ARCHIVE = `prometheus-${VERSION}.${platformName()}`;

const PROMTOOL: Tool = {
  name: 'promtool',
  version: VERSION,
  archive: {
    url: `${RELEASE}/${ARCHIVE}.tar.gz`,
    checksumUrl: `${RELEASE}/sha256sums.txt`,
    member: `${ARCHIVE}/promtool`,
  },
  goPackage: 'github.com/prometheus/prometheus/cmd/promtool',
  linkerFlags: `-X github.com/prometheus/common/version.Version=${VERSION}`,
  moduleVersion: '0.316.0',
  buildTags: 'remove_all_sd', // no test discovers targets at a cloud
};

/** Path of Prometheus' promtool, which holds its real rule engine: from the cache, its release or a build from Go modules. */
export const obtainPromtool = (progress: Progress, environment: NodeJS.ProcessEnv = process.env): Promise<string> =>
  obtainTool(PROMTOOL, { environment, progress });
