import { boundLabelPolicy } from './policy/bound-label.ts';
import { crdGuard } from './policy/crd-guard.ts';
import { injectionPolicy } from './policy/injection.ts';
import type { AdmissionOptions } from './options.ts';
import { pendingGate } from './policy/pending-gate.ts';
import type { AdmissionObject } from './policy/policy-object.ts';
import { serviceAccountGate } from './policy/service-account-gate.ts';
import { serviceAccountMark } from './policy/service-account-mark.ts';
import { tableGate } from './policy/table-gate.ts';
import { tableGuard } from './policy/table-guard.ts';
import { tokenAudiencePolicy } from './policy/token-audience.ts';
import {
  type MutatingWebhookConfiguration,
  type Service,
  webhookConfiguration,
  webhookService,
} from './webhook/manifest.ts';

/** The files of `config/admission/policy` (names without `.yaml`, in alphabetical order) and the objects in each. */
export function admissionFiles(options: AdmissionOptions): ReadonlyMap<string, readonly AdmissionObject[]> {
  return new Map([
    ['bound-label', boundLabelPolicy(options)],
    ['crd-guard', crdGuard()],
    ['injection', injectionPolicy(options)],
    ['pending-gate', pendingGate(options)],
    ['service-account-gate', serviceAccountGate(options)],
    ['service-account-mark', serviceAccountMark(options)],
    ['table-gate', tableGate(options)],
    ['table-guard', tableGuard(options)],
    ['token-audience', tokenAudiencePolicy(options)],
  ]);
}

/** All admission objects of an installation, in the order of their files. */
export function admissionManifests(options: AdmissionOptions): readonly AdmissionObject[] {
  return [...admissionFiles(options).values()].flat();
}

type WebhookModeObject = AdmissionObject | MutatingWebhookConfiguration | Service;

/** The files of `config/admission/webhook`: the webhook instead of the policies that change objects, which need Kubernetes 1.36. */
export function webhookFiles(options: AdmissionOptions): ReadonlyMap<string, readonly WebhookModeObject[]> {
  return new Map<string, readonly WebhookModeObject[]>([
    ['bound-label', boundLabelPolicy(options)],
    ['crd-guard', crdGuard()],
    ['pending-gate', pendingGate(options)],
    ['service-account-gate', serviceAccountGate(options)],
    ['table-gate', tableGate(options)],
    ['table-guard', tableGuard(options)],
    ['token-audience', tokenAudiencePolicy(options)],
    ['webhook', [webhookConfiguration(options)]],
    ['webhook-service', [webhookService(options)]],
  ]);
}

/** All objects of an installation in webhook mode, in the order of their files. */
export function webhookManifests(options: AdmissionOptions): readonly WebhookModeObject[] {
  return [...webhookFiles(options).values()].flat();
}
