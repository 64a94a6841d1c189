import { boundLabelPolicy } from './bound-label-policy.ts';
import { injectionPolicy } from './injection-policy.ts';
import type { AdmissionOptions } from './options.ts';
import { pendingGate } from './pending-gate.ts';
import type { AdmissionObject } from './policy-object.ts';
import { tableGate } from './table-gate.ts';
import { tableGuard } from './table-guard.ts';
import { tokenAudiencePolicy } from './token-audience-policy.ts';

/** The files of `config/admission/policy` (names without `.yaml`, in alphabetical order) and the objects in each. */
export function admissionFiles(options: AdmissionOptions): ReadonlyMap<string, readonly AdmissionObject[]> {
  return new Map([
    ['bound-label', boundLabelPolicy(options)],
    ['injection', injectionPolicy(options)],
    ['pending-gate', pendingGate(options)],
    ['table-gate', tableGate(options)],
    ['table-guard', tableGuard(options)],
    ['token-audience', tokenAudiencePolicy(options)],
  ]);
}

/** All admission objects of an installation, in the order of their files. */
export function admissionManifests(options: AdmissionOptions): readonly AdmissionObject[] {
  return [...admissionFiles(options).values()].flat();
}
