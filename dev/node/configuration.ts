import { parse, stringify } from 'yaml';

/** What a node is configured from. */
export interface NodeSettings {
  readonly name: string;
  /** The node's own folder, on this machine and in the node. */
  readonly folder: string;
  /** Under which every pod has its cgroup, as in "/one". */
  readonly cgroup: string;
  readonly pauseImage: string;
  readonly runc: string;
  readonly snapshotter: Snapshotter;
}

/** `native` copies an image for each container, and works on every file system. */
export type Snapshotter = 'overlayfs' | 'native';

/**
 * Folders that a node has for itself: programs of Kubernetes write to fixed paths below them. Each is replaced by the
 * folder of this name in the node's own.
 */
export const PRIVATE_FOLDERS = { '/run': 'run', '/var/lib': 'lib', '/var/log': 'log' } as const;

/**
 * Kernel settings that the kubelet demands, and would make for the whole machine (pkg/kubelet/cm, setupKernelTunables).
 * The node sees files with these values in their place, and the machine keeps its own.
 */
export const KERNEL_SETTINGS = {
  'vm/overcommit_memory': '1',
  'vm/panic_on_oom': '0',
  'kernel/panic': '10',
  'kernel/panic_on_oops': '1',
  'kernel/keys/root_maxkeys': '1000000',
  'kernel/keys/root_maxbytes': '25000000',
} as const;

const SOCKET = '/run/containerd/containerd.sock';

/** KubeletConfiguration: no port, no iptables, no eviction, nothing outside of the node's folders and its cgroup. */
export function kubeletConfiguration({ folder, cgroup }: NodeSettings): string {
  return stringify({
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    enableServer: false, // logs are read from their files, so nobody on this machine gets a port to a root shell
    healthzPort: 0,
    containerRuntimeEndpoint: `unix://${SOCKET}`,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: cgroup,
    failCgroupV1: false,
    failSwapOn: false,
    enforceNodeAllocatable: ['none'],
    protectKernelDefaults: true,
    makeIPTablesUtilChains: false,
    localStorageCapacityIsolation: false,
    // A developer's full disk is no reason to fail a test.
    evictionHard: {
      'memory.available': '0%',
      'nodefs.available': '0%',
      'nodefs.inodesFree': '0%',
      'imagefs.available': '0%',
      'imagefs.inodesFree': '0%',
    },
    imageGCHighThresholdPercent: 100,
    resolvConf: `${folder}/resolv.conf`,
    volumePluginDir: '/var/lib/kubelet/volume-plugins',
  });
}

/** Configuration of containerd, which 1.6 and later read. */
export function containerdConfiguration({ pauseImage, runc, snapshotter }: NodeSettings): string {
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  return `version = 2
[grpc]
  address = "${SOCKET}"
[plugins."io.containerd.internal.v1.opt"]
  path = "/var/lib/containerd/opt"
[plugins."io.containerd.nri.v1.nri"]
  disable = true
[${cri}]
  sandbox_image = "${pauseImage}"
  restrict_oom_score_adj = true # machines that are containers lack CAP_SYS_RESOURCE
  disable_apparmor = true # a profile would stay in the machine's kernel
[${cri}.cni]
  bin_dir = "/var/lib/cni/bin"
  conf_dir = "/var/lib/cni/conf" # empty: pods use the machine's network
[${cri}.containerd]
  snapshotter = "${snapshotter}"
  default_runtime_name = "runc"
[${cri}.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[${cri}.containerd.runtimes.runc.options]
  BinaryName = "${runc}"
`;
}

/** The admin's kubeconfig, acting as the user that a kubelet has: the audit log names it, and its rights hold. */
export function kubeletKubeconfig(admin: string, nodeName: string): string {
  const config = parse(admin) as { readonly users: readonly { readonly name: string; readonly user: object }[] };
  const users = config.users.map(({ name, user }) => ({
    name,
    user: { ...user, as: `system:node:${nodeName}`, 'as-groups': ['system:nodes'] },
  }));
  return stringify({ ...config, users });
}

/**
 * The first process of the node (sh, with the arguments folder, containerd, kubelet and node name), in namespaces of its
 * own for processes and mounts. The kernel ends all that it started and undoes its mounts when it ends.
 */
export const INIT_SCRIPT = `set -eu
folder=$1 containerd=$2 kubelet=$3 name=$4
${Object.keys(KERNEL_SETTINGS)
  .map((setting) => `mount --bind "$folder/sys/${setting}" /proc/sys/${setting}`)
  .join('\n')}
${Object.entries(PRIVATE_FOLDERS)
  .map(([path, own]) => `mount --bind "$folder/${own}" ${path}`)
  .join('\n')}
"$containerd" --config "$folder/containerd.toml" >>"$folder/containerd.log" 2>&1 &
until [ -S ${SOCKET} ]; do kill -0 $!; sleep 0.1; done
# It ends when containerd listens and is not ready yet.
for attempt in 1 2 3 4 5; do
  "$kubelet" --config "$folder/kubelet.yaml" --kubeconfig "$folder/kubeconfig" --hostname-override "$name" \\
    >>"$folder/kubelet.log" 2>&1 || sleep 1
done
`;

/**
 * Removes what a node left, once its processes are gone (sh, with the arguments folder and folders of its cgroup).
 * Fails when a cgroup still has processes after ten seconds.
 */
export const CLEANUP_SCRIPT = `folder=$1
shift
left=yes
for attempt in $(seq 100); do
  left=
  for cgroup in "$@"; do
    if [ -d "$cgroup" ]; then find "$cgroup" -depth -type d -exec rmdir {} \\; 2>/dev/null; fi
    if [ -d "$cgroup" ]; then left="$left $cgroup"; fi
  done
  if [ -z "$left" ]; then break; fi
  sleep 0.1
done
rm -rf -- "$folder"
if [ -n "$left" ]; then echo "cgroups with processes are left:$left" >&2; exit 1; fi
`;
