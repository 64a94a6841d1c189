import { RoleArn } from '../iam/arn.ts';
import type { KubernetesResource, ResourceType } from './resource.ts';

/**
 * What pods of a namespace are given, by ServiceAccount: a ConfigMap that the admission policy reads at each pod creation
 * and only the operator may write. A ConfigMap, since the API server knows its kind from the first moment on (ADR 0001).
 */
export interface InjectionTable extends KubernetesResource {
  readonly data?: Readonly<Record<string, string>>;
}

/** What a table says of a ServiceAccount. Its name may be that of a property that every object has, such as `constructor`. */
export const entryOf = (table: InjectionTable | undefined, serviceAccount: string): string | undefined =>
  table?.data !== undefined && Object.hasOwn(table.data, serviceAccount) ? table.data[serviceAccount] : undefined;

/** The table of a namespace has this name, so that the policy finds it without a search. */
export const TABLE_NAME = 'aws-pod-injection';

export const CONFIG_MAPS: ResourceType = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  namespaced: true,
};

/** What pods of one ServiceAccount are given. */
export interface Injection {
  readonly roleArn: RoleArn;
  readonly audience: string;
  readonly tokenExpirationSeconds: number;
  /** Undefined: the pods get no region variables. */
  readonly region: string | undefined;
  /** False: AWS_STS_REGIONAL_ENDPOINTS is left out, which some SDKs take for the global endpoint. Absent: true. */
  readonly stsRegionalEndpoints?: boolean;
}

/** Stands for a region that is not known. */
export const NO_REGION = '-';

/** The fifth word of an entry whose pods may use the global STS endpoint. */
const GLOBAL = 'global';

/** The value of a bound ServiceAccount: four or five words, none of which can hold a space. */
export function tableEntry(injection: Injection): string {
  const { roleArn, audience, tokenExpirationSeconds, region = NO_REGION, stsRegionalEndpoints = true } = injection;
  const words = [roleArn, audience, tokenExpirationSeconds, region, ...(stsRegionalEndpoints ? [] : [GLOBAL])];
  return words.join(' ');
}

const PENDING = 'pending';

/** The value of a ServiceAccount whose identity is not ready: its pods are denied, with both words in the message. */
export const pendingEntry = (identity: string, reason: string): string => `${PENDING} ${identity} ${reason}`;

export const isPending = (entry: string | undefined): boolean => entry?.startsWith(`${PENDING} `) === true;

/**
 * The form that `tableEntry` writes, as a regular expression that means the same in CEL and here; the admission policy reads
 * no other. 18 digits always fit CEL's integers.
 */
export const ENTRY_PATTERN = `^arn:aws[a-z-]*:iam::[0-9]{12}:role/[!-~]+ [!-~]+ [0-9]{1,18} [!-~]+( ${GLOBAL})?$`;
const injectable = new RegExp(ENTRY_PATTERN);
const pending = new RegExp(`^${PENDING} ([!-~]+) ([!-~]+)$`);

export type TableEntry =
  | { readonly kind: 'injection'; readonly injection: Injection }
  | { readonly kind: 'pending'; readonly identity: string; readonly reason: string }
  /** Written by nobody of ours: the table gate denies its pods. */
  | { readonly kind: 'unreadable' };

/** What an entry of the table says; the reverse of `tableEntry` and `pendingEntry`. */
export function parseEntry(text: string): TableEntry {
  const [, identity, reason] = pending.exec(text) ?? [];
  if (identity !== undefined && reason !== undefined) return { kind: 'pending', identity, reason };
  if (!injectable.test(text)) return { kind: 'unreadable' };
  const [arn, audience = '', seconds, region, sts] = text.split(' ');
  const roleArn = RoleArn.safeParse(arn);
  if (!roleArn.success) return { kind: 'unreadable' };
  return {
    kind: 'injection',
    injection: {
      roleArn: roleArn.data,
      audience,
      tokenExpirationSeconds: Number(seconds),
      region: region === NO_REGION ? undefined : region,
      stsRegionalEndpoints: sts !== GLOBAL,
    },
  };
}
