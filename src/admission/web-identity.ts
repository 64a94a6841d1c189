import { GROUP } from '../crds/manifest.ts';
import type { AdmissionOptions } from './options.ts';

/** What a pod of a bound ServiceAccount is given, and what it can say about it: the same in policy and in webhook mode. */

/** Name of the projected token volume, the EKS pod identity webhook's. */
export const TOKEN_VOLUME = 'aws-iam-token';

/** File of the token in its volume. */
export const TOKEN_FILE = 'token';

// Kubernetes takes no shorter lifetime than 600 s; a day is what AWS documents as the longest for a web identity token.
export const MIN_TOKEN_SECONDS = 600;
export const MAX_TOKEN_SECONDS = 86_400;

export const ROLE_VARIABLE = 'AWS_ROLE_ARN';
export const TOKEN_FILE_VARIABLE = 'AWS_WEB_IDENTITY_TOKEN_FILE';
/** A container that has one of these gets neither: the SDKs of different languages prefer different ones. */
export const REGION_VARIABLES = ['AWS_REGION', 'AWS_DEFAULT_REGION'] as const;
export const STS_ENDPOINTS_VARIABLE = 'AWS_STS_REGIONAL_ENDPOINTS';

/** A pod with this annotation set to "false" is neither injected nor held back. */
export const INJECT_ANNOTATION = `${GROUP}/inject`;

type Annotations = Readonly<Record<string, string>> | undefined;

export const hasOptedOut = (annotations: Annotations): boolean => annotations?.[INJECT_ANNOTATION] === 'false';

/** A pod's own region, instead of the one in the table. A value that is no region is ignored. */
export const REGION_ANNOTATION = `${GROUP}/region`;
export const REGION_PATTERN = '^[a-z]{2,}(-[a-z]+)+-[0-9]+$';

/** Set by the kubelet on the pod that stands for a static pod of its node. */
export const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror';

/** Stands for a static pod of a node: it has no ServiceAccount, and the API server refuses it with a token volume. */
export const isMirrorPod = (annotations: Annotations): boolean => annotations?.[MIRROR_ANNOTATION] !== undefined;

type PodOptions = Pick<AdmissionOptions, 'annotationPrefix' | 'mountPath'>;

/** Names of containers that are left as they are, commas between. */
export const skipAnnotation = ({ annotationPrefix }: PodOptions): string => `${annotationPrefix}/skip-containers`;

/** CEL trims by Unicode's White_Space, which is not quite what String.trim takes away. */
const BETWEEN_BLANKS = /^\p{White_Space}*(\P{White_Space}+)\p{White_Space}*$/u;

/** The table gate denies a pod with a longer one (`MAX_POD_SIZE`). Whoever reaches the webhook can send it millions of names. */
const LONGEST_LIST = 10_000;

/**
 * The names in the pod's annotation `skip-containers`, as the policies read them; none of a list that is too long. What has a blank inside is
 * no name of a container.
 */
export function skippedNames(annotations: Annotations, options: PodOptions): ReadonlySet<string> {
  const text = annotations?.[skipAnnotation(options)] ?? '';
  if (text.length > LONGEST_LIST) return new Set();
  return new Set(text.split(',').flatMap((item) => BETWEEN_BLANKS.exec(item)?.[1] ?? []));
}

/** Lifetime of the pod's token in seconds. Text that is no number of at most 18 digits is ignored: those fit CEL's integers. */
export const expirationAnnotation = ({ annotationPrefix }: PodOptions): string =>
  `${annotationPrefix}/token-expiration`;
export const EXPIRATION_PATTERN = '^[0-9]{1,18}$';

/** Labels of a pod's nodeSelector by which it is for Windows. */
export const OS_LABELS = ['kubernetes.io/os', 'beta.kubernetes.io/os'] as const;

/** Path of the token in a container. The mount path itself is the same on Windows: the kubelet puts it on drive C. */
export function tokenFile({ mountPath }: PodOptions, os: 'linux' | 'windows'): string {
  const file = `${mountPath}/${TOKEN_FILE}`;
  return os === 'windows' ? `C:${file.replaceAll('/', '\\')}` : file;
}

/** Something of the container's own at one of these paths is in the token's place. */
export const tokenPlaces = ({ mountPath }: PodOptions): readonly string[] => [mountPath, `${mountPath}/`];
