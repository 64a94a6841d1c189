import type { PlanContext, RoleAction, RolePlan } from '../../src/controllers/aws-federated-identity/plan.ts';
import { ownerTags, type Tags } from '../../src/iam/tags.ts';
import { owner } from './builders.ts';

export const planContext = (fields: Partial<PlanContext> = {}): PlanContext => ({
  owner: owner(),
  recordedRoleId: undefined,
  adoption: undefined,
  formerTagKeys: [],
  ...fields,
});

/** Tags of a role of the builders' owner. */
export const ownedTags = (more: Readonly<Record<string, string>> = {}): Tags =>
  new Map([...ownerTags(owner()), ...Object.entries(more)]);

/** What a plan does, in its order. */
export const typesOf = (plan: RolePlan): readonly RoleAction['type'][] | 'refuse' =>
  plan.kind === 'apply' ? plan.actions.map(({ type }) => type) : plan.kind;
