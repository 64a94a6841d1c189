import { obtainTool, type Tool } from './tool.ts';
import type { Progress } from './progress.ts';
import { platformName } from './version.ts';

const VERSION = '4.3.1';

const HELM: Tool = {
  name: 'helm',
  version: VERSION,
  archive: {
    url: `https://get.helm.sh/helm-v${VERSION}-${platformName()}.tar.gz`,
    checksumUrl: `https://get.helm.sh/helm-v${VERSION}-${platformName()}.tar.gz.sha256sum`,
    member: `${platformName()}/helm`,
  },
  goPackage: 'helm.sh/helm/v4/cmd/helm',
  linkerFlags: `-X helm.sh/helm/v4/internal/version.version=v${VERSION}`,
};

/** Path of Helm 4, from the cache, its release or a build from Go modules. */
export const obtainHelm = (progress: Progress, environment: NodeJS.ProcessEnv = process.env): Promise<string> =>
  obtainTool(HELM, { environment, progress });
