import { boundLabelPolicy } from './policy/bound-label.ts';
import { injectionPolicy } from './policy/injection.ts';
import type { AdmissionOptions } from './options.ts';
import { pendingGate } from './policy/pending-gate.ts';
import type { AdmissionObject } from './policy/policy-object.ts';
import { tableGate } from './policy/table-gate.ts';
import { tableGuard } from './policy/table-guard.ts';
import { tokenAudiencePolicy } from './policy/token-audience.ts';

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
