/** The one place that names Kubernetes versions, this one where no other is asked for; the staging modules carry the same number as v0. */
export const KUBERNETES_VERSION = '1.36.3';
/** The oldest version that the operator supports: webhook mode, from ValidatingAdmissionPolicy v1 on. */
export const OLDEST_KUBERNETES_VERSION = '1.30.14';
/** etcd's server, of the minor version whose client Kubernetes 1.36 is built with. */
export const ETCD_VERSION = '3.6.16';

/** Operating system and CPU in the words of Go and of Kubernetes' downloads, as in `linux-amd64`. */
export function platformName(platform: string = process.platform, architecture: string = process.arch): string {
  const goArchitecture = architecture === 'x64' ? 'amd64' : architecture;
  const goSystem = platform === 'win32' ? 'windows' : platform;
  return `${goSystem}-${goArchitecture}`;
}

/** "1.36" of "1.36.3". */
export function minorVersion(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}
