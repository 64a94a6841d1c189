import type { PolicyArn } from '../../iam/arn.ts';
import { effectsOf, type PolicyDocument, samePolicyDocument, sizeOfPolicyDocument } from '../../iam/policy-document.ts';
import type { DesiredRole } from '../../iam/roles.ts';
import { driftRow } from './drift-row.ts';
import type { Step } from './plan.ts';

type Policies = Pick<DesiredRole, 'managedPolicyArns' | 'inlinePolicies'>;

export const NO_POLICIES: Policies = { managedPolicyArns: new Set(), inlinePolicies: new Map() };

/**
 * What takes away the policies that are not wanted. What denies goes last, or what it denies would be allowed meanwhile. What is
 * in a managed policy IAM does not tell us: we take those of AWS to allow, and those of the account to deny perhaps.
 */
export function removals(desired: Policies, observed: Policies): readonly Step[] {
  const gone = [...observed.managedPolicyArns.difference(desired.managedPolicyArns)].toSorted();
  const deleted = [...observed.inlinePolicies].filter(([name]) => !desired.inlinePolicies.has(name));
  return [
    ...gone.filter(isOfAws).map(detachment),
    ...deleted.filter(([, document]) => severity(document) === 'allows').map(inlineDeletion),
    ...gone.filter((arn) => !isOfAws(arn)).map(detachment),
    ...deleted.filter(([, document]) => severity(document) === 'both').map(inlineDeletion),
    ...deleted.filter(([, document]) => severity(document) === 'denies').map(inlineDeletion),
  ];
}

/**
 * What gives the policies that are missing or not as wanted; for a role without any, what denies comes first. Documents that
 * become shorter come before all, since IAM's quota counts what is there at each call.
 */
export function additions(desired: Policies, observed: Policies): readonly Step[] {
  const missing = [...desired.managedPolicyArns.difference(observed.managedPolicyArns)].toSorted();
  const writes = changedDocuments(desired, observed);
  const growing = Map.groupBy(
    writes.filter((write) => growthOf(write) > 0),
    ({ document }) => severity(document),
  );
  return [
    ...writes.filter((write) => growthOf(write) <= 0).map(inlineWrite),
    ...(growing.get('denies') ?? []).map(inlineWrite),
    ...(growing.get('both') ?? []).map(inlineWrite),
    ...missing.filter((arn) => !isOfAws(arn)).map(attachment),
    ...(growing.get('allows') ?? []).map(inlineWrite),
    ...missing.filter(isOfAws).map(attachment),
  ];
}

/** Whether an inline document that is there already is replaced. */
export const replacesDocument = (desired: Policies, observed: Policies): boolean =>
  changedDocuments(desired, observed).some(({ have }) => have !== undefined);

/** Whether an inline document that denies something comes, goes or changes. */
export function changesDenial(desired: Policies, observed: Policies): boolean {
  const deleted = [...observed.inlinePolicies].filter(([name]) => !desired.inlinePolicies.has(name));
  const written = changedDocuments(desired, observed).flatMap(({ document, have }) => [document, have ?? document]);
  return [...deleted.map(([, document]) => document), ...written].some((document) => severity(document) !== 'allows');
}

/** How many managed policies come or go that may deny something. */
export const changesOfUnknown = (desired: Policies, observed: Policies): number =>
  [...desired.managedPolicyArns.symmetricDifference(observed.managedPolicyArns)].filter((arn) => !isOfAws(arn)).length;

/** Whether two policies each allow and deny, or may do so: then any order of giving or taking them allows too much for a moment. */
export function areEntangled({ managedPolicyArns, inlinePolicies }: Policies): boolean {
  const both = [...inlinePolicies.values()].filter((document) => severity(document) === 'both');
  const unknown = [...managedPolicyArns].filter((arn) => !isOfAws(arn));
  return both.length + unknown.length > 1;
}

type Severity = 'allows' | 'both' | 'denies';

function severity(document: PolicyDocument): Severity {
  const effects = effectsOf(document);
  if (!effects.has('Deny')) return 'allows';
  return effects.has('Allow') ? 'both' : 'denies';
}

const isOfAws = (arn: PolicyArn): boolean => arn.includes(':iam::aws:policy/');

interface DocumentChange {
  readonly policyName: string;
  readonly document: PolicyDocument;
  readonly have: PolicyDocument | undefined;
}

const changedDocuments = (desired: Policies, observed: Policies): readonly DocumentChange[] =>
  [...desired.inlinePolicies].flatMap(([policyName, document]): readonly DocumentChange[] => {
    const have = observed.inlinePolicies.get(policyName);
    return have !== undefined && samePolicyDocument(document, have) ? [] : [{ policyName, document, have }];
  });

const growthOf = ({ document, have }: DocumentChange): number =>
  sizeOfPolicyDocument(document) - (have === undefined ? 0 : sizeOfPolicyDocument(have));

const attachment = (policyArn: PolicyArn): Step => ({
  action: { type: 'AttachRolePolicy', policyArn },
  drift: [driftRow('role.managedPolicyArns', policyArn, 'not attached')],
});

const detachment = (policyArn: PolicyArn): Step => ({
  action: { type: 'DetachRolePolicy', policyArn },
  drift: [driftRow('role.managedPolicyArns', 'not attached', policyArn)],
});

const inlineDeletion = ([policyName, document]: readonly [string, PolicyDocument]): Step => ({
  action: { type: 'DeleteRolePolicy', policyName },
  drift: [driftRow(`role.inlinePolicies[${policyName}]`, 'absent', document)],
});

const inlineWrite = ({ policyName, document, have }: DocumentChange): Step => ({
  action: { type: 'PutRolePolicy', policyName, document },
  drift: [driftRow(`role.inlinePolicies[${policyName}]`, document, have ?? 'absent')],
});
