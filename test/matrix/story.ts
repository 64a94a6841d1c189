import { BOUNDARIES, INLINE, MANAGED, type ProviderChange } from '../simulation/script.ts';
import type { OutsideStep } from '../simulation/steps.ts';
import type { KeyStep } from './simulated-documents.ts';

/** Steps; `at` counts from the chapter's beginning. */
export type Chapter = readonly (OutsideStep | KeyStep)[];

const ours = { namespace: 'blue', name: 'one' };
const kept = { namespace: 'green', name: 'two' };
const adopted = { namespace: 'green', name: 'one' };
const annotated = { namespace: 'green', name: 'app' };
const inline = (name: string, index: 0 | 1): object => ({ name, document: JSON.parse(INLINE[index]) });

const full = {
  managedPolicyArns: [MANAGED[0], MANAGED[1]],
  inlinePolicies: [inline('first', 0)],
  permissionsBoundaryArn: BOUNDARIES[0],
  description: 'a',
  tags: { team: 'x' },
};
const other = {
  managedPolicyArns: [MANAGED[1], MANAGED[2]],
  inlinePolicies: [inline('second', 1)],
  permissionsBoundaryArn: BOUNDARIES[1],
  description: 'b',
  tags: { cost: 'y' },
};
const unbound = { managedPolicyArns: [MANAGED[2]], inlinePolicies: [inline('second', 0)] };
const thumbprints = { thumbprints: ['b'.repeat(40)] };
const withThumbprint: ProviderChange = { clientIds: ['sts.amazonaws.com'], ...thumbprints };

const publishedAt = (prefix: string): ProviderChange => ({
  issuer: { publish: { s3: { bucket: 'our-issuers', prefix } } },
});

/** Creation and change of both kinds, so that every write is made that the operator knows. */
export const LIFE: readonly Chapter[] = [
  [
    { at: 0, do: 'create-provider' },
    { at: 1_000, do: 'create-identity', object: ours, spec: { serviceAccount: { name: 'app' }, role: full } },
    {
      at: 1_500,
      do: 'create-identity',
      object: kept,
      spec: { serviceAccount: { name: 'web' }, role: unbound, deletionPolicy: 'Retain' },
    },
    { at: 2_000, do: 'create-service-account', object: annotated },
    { at: 2_500, do: 'annotate-service-account', object: annotated },
  ],
  [
    { at: 0, do: 'edit-identity', object: ours, spec: { role: other } },
    { at: 0, do: 'hand', change: 'make-foreign', object: adopted },
  ],
  [{ at: 0, do: 'edit-identity', object: ours, spec: { role: unbound, audience: 'other' } }],
  [
    { at: 0, do: 'edit-identity', object: ours, spec: { audience: 'sts.amazonaws.com', tokenExpirationSeconds: 3600 } },
    { at: 6_000, do: 'create-identity', object: adopted, spec: { serviceAccount: { name: 'new' } } },
    { at: 30_000, do: 'adopt-foreign-role', object: adopted },
  ],
  [{ at: 0, do: 'edit-provider', change: withThumbprint }],
  [{ at: 0, do: 'edit-provider', change: { clientIds: ['sts.amazonaws.com', 'more'] } }],
  [{ at: 0, do: 'edit-provider', change: publishedAt('a') }],
  [
    { at: 0, do: 'serve-keys', kids: ['k1', 'k2'] },
    { at: 1_000, do: 'ask-provider' },
  ],
  [
    { at: 0, do: 'serve-keys', kids: ['k1'] },
    { at: 1_000, do: 'ask-provider' },
  ],
  [
    { at: 0, do: 'age-keys' },
    { at: 1_000, do: 'ask-provider' },
  ],
  [{ at: 0, do: 'edit-provider', change: publishedAt('b') }],
];

export const DELETION: readonly Chapter[] = [
  [
    { at: 0, do: 'delete-identity', object: ours },
    { at: 0, do: 'delete-identity', object: kept },
    { at: 0, do: 'delete-identity', object: adopted },
    { at: 1_000, do: 'clear-service-account', object: annotated },
  ],
  [{ at: 0, do: 'delete-provider' }],
];
