import type { RoleArn } from '../iam/arn.ts';
import type { KubernetesResource, ResourceType } from './resource.ts';

/**
 * What pods of a namespace are given, by ServiceAccount: a ConfigMap that the admission policy reads at each pod creation
 * and only the operator may write. A ConfigMap, since the API server knows its kind from the first moment on (ADR 0001).
 */
export interface InjectionTable extends KubernetesResource {
  readonly data?: Readonly<Record<string, string>>;
}

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
  readonly region: string;
}

/** The value of a bound ServiceAccount: four words, none of which can hold a space. */
export const tableEntry = ({ roleArn, audience, tokenExpirationSeconds, region }: Injection): string =>
  `${roleArn} ${audience} ${tokenExpirationSeconds} ${region}`;

const PENDING = 'pending';

/** The value of a ServiceAccount whose identity is not ready: its pods are denied, with both words in the message. */
export const pendingEntry = (identity: string, reason: string): string => `${PENDING} ${identity} ${reason}`;

export const isPending = (entry: string | undefined): boolean => entry?.startsWith(`${PENDING} `) === true;
