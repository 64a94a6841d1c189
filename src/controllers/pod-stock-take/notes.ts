import type { ObjectEvent } from '../../kube/events.ts';
import { nameList } from '../../name-list.ts';
import type { PodFinding } from './observe.ts';
import type { Subject } from './subjects.ts';

/** What is told of pods, in the words of an Event. Pure. */

const MAX_NAMES = 5;

/** The Event about pods without the role. `findings` are not empty. */
export const podsNotInjected = (subject: Subject, findings: readonly PodFinding[], namespace: string): ObjectEvent => ({
  type: 'Warning',
  reason: 'PodsNotInjected',
  action: 'TakeStock',
  note: `${pods(findings)} as ServiceAccount ${subject.serviceAccount} without the role ${subject.roleArn}: ${names(findings)}. Only new pods are injected. ${restart(subject, namespace)}`,
});

/** The Event about pods with an older role. `findings` are not empty. */
export const podsStale = (subject: Subject, findings: readonly PodFinding[], namespace: string): ObjectEvent => ({
  type: 'Warning',
  reason: 'PodsStale',
  action: 'TakeStock',
  note: `${pods(findings)} as ServiceAccount ${subject.serviceAccount} with another role than ${subject.roleArn}: ${names(findings)}. A pod keeps the role of its creation. ${restart(subject, namespace)}`,
});

/** The Event about pods whose SDKs will not use the role. `findings` are not empty. */
export const staticCredentials = ({ serviceAccount }: Subject, findings: readonly PodFinding[]): ObjectEvent => ({
  type: 'Warning',
  reason: 'StaticCredentials',
  action: 'TakeStock',
  note: `${pods(findings)} as ServiceAccount ${serviceAccount} with credentials that AWS SDKs prefer to the role: ${names(findings, true)}. Next: take the variable out of the pod template.`,
});

/** The Event of one pod without the role. */
export const podNotInjected = (subject: Subject, { detail }: PodFinding, namespace: string): ObjectEvent => ({
  type: 'Warning',
  reason: 'NotInjected',
  action: 'TakeStock',
  note: `The pod runs without the role ${subject.roleArn} of ServiceAccount ${subject.serviceAccount} (${detail}). Only new pods are injected. ${restart(subject, namespace)}`,
});

/** The Event of one pod whose SDK will not use the role. */
export const podOverrides = ({ roleArn }: Subject, { detail }: PodFinding): ObjectEvent => ({
  type: 'Warning',
  reason: 'StaticCredentials',
  action: 'TakeStock',
  note: `AWS SDKs prefer what the pod brings along (${detail}) to the role ${roleArn}. Next: take the variable out of the pod template.`,
});

const pods = ({ length }: readonly PodFinding[]): string => (length === 1 ? '1 pod runs' : `${length} pods run`);

const names = (findings: readonly PodFinding[], withDetail = false): string =>
  nameList(
    findings.map(({ name, detail }) => (withDetail ? `${name} (${detail})` : name)),
    MAX_NAMES,
  );

/** The command is that of identities; the owner of a ServiceAccount annotated by hand knows its workloads. */
const restart = ({ identity, serviceAccount }: Subject, namespace: string): string =>
  identity === undefined
    ? `Next: kubectl rollout restart what runs as ${serviceAccount} in namespace ${namespace}.`
    : `Next: kubectl aws-identity restart ${identity.metadata.name} -n ${namespace} --stale`;
