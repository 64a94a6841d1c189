import { MAX_TOKEN_SECONDS, MIN_TOKEN_SECONDS, REGION_ANNOTATION } from '../admission/web-identity.ts';
import { RoleArn } from '../iam/arn.ts';
import type { Injection } from './injection-table.ts';
import type { KubernetesResource } from './resource.ts';

/** The annotations of a ServiceAccount that decide what its pods get; names are the EKS pod identity webhook's, but for the region. */
export const annotationKeys = (prefix: string) =>
  ({
    roleArn: `${prefix}/role-arn`,
    audience: `${prefix}/audience`,
    tokenExpiration: `${prefix}/token-expiration`,
    stsRegionalEndpoints: `${prefix}/sts-regional-endpoints`,
    region: REGION_ANNOTATION,
  }) as const;

/** What counts where a ServiceAccount says nothing. */
export interface AnnotationDefaults {
  /** Domain of the annotations, `eks.amazonaws.com` unless an installation has its own. */
  readonly annotationPrefix: string;
  readonly audience: string;
  readonly tokenExpirationSeconds: number;
  /** Undefined: the pods get no region variables. */
  readonly region: string | undefined;
}

export type AnnotatedInjection =
  /** No role, or an empty one, as Terraform modules write for "none". */
  | { readonly kind: 'none' }
  | { readonly kind: 'injection'; readonly injection: Injection }
  /** `problem` names the annotation, what is wrong with it and what to do. */
  | { readonly kind: 'invalid'; readonly problem: string };

/** A word of the injection table, no longer than IAM takes an audience: one table holds those of a whole namespace. */
const WORD = /^[!-~]{1,255}$/;

/**
 * What the annotations of a ServiceAccount give to its pods. As in the EKS webhook, a lifetime that is no number and a switch
 * that is no boolean (of Go's strconv.ParseBool) count as absent.
 */
export function annotatedInjection(
  { metadata: { annotations = {} } }: KubernetesResource,
  defaults: AnnotationDefaults,
): AnnotatedInjection {
  const keys = annotationKeys(defaults.annotationPrefix);
  const roleArn = annotations[keys.roleArn] ?? '';
  const audience = annotations[keys.audience] || defaults.audience;
  const region = annotations[keys.region] || defaults.region;
  if (roleArn === '') return { kind: 'none' };
  const arn = RoleArn.safeParse(roleArn);
  if (!arn.success) {
    const problem = `Annotation ${keys.roleArn} is "${shown(roleArn)}", which is no ARN of an IAM role such as arn:aws:iam::111122223333:role/name. Correct or remove it.`;
    return { kind: 'invalid', problem };
  }
  const odd = [
    { key: keys.audience, value: audience },
    { key: keys.region, value: region },
  ].find(({ value }) => value !== undefined && !WORD.test(value));
  if (odd !== undefined) {
    const problem = `Annotation ${odd.key} is "${shown(odd.value)}", but must be at most 255 characters of printable ASCII, without a space. Correct or remove it.`;
    return { kind: 'invalid', problem };
  }
  const injection = {
    roleArn: arn.data,
    audience,
    tokenExpirationSeconds: seconds(annotations[keys.tokenExpiration]) ?? defaults.tokenExpirationSeconds,
    region,
    stsRegionalEndpoints: !/^(?:0|f|F|false|False|FALSE)$/.test(annotations[keys.stsRegionalEndpoints] ?? ''),
  };
  return { kind: 'injection', injection };
}

function seconds(text: string | undefined): number | undefined {
  if (text === undefined || !/^[0-9]{1,18}$/.test(text)) return undefined;
  return Math.min(Math.max(Number(text), MIN_TOKEN_SECONDS), MAX_TOKEN_SECONDS);
}

/** An annotation can be of any length; this much tells which one it is. */
const shown = (text = ''): string => (text.length > 100 ? `${text.slice(0, 100)}…` : text);
