import { annotationCases } from './admission-cases-annotations.ts';
import { ownSettingsCases } from './admission-cases-own.ts';
import { deniedCases, entryCases, podCases } from './admission-cases-pods.ts';
import type { InjectionCase } from './admission-expectations.ts';

/**
 * What becomes of pods, whoever injects them: the policy on a real API server, the webhook, and its pure core without either.
 * Their ServiceAccounts are those of `tableData`.
 */
export const injectionCases: readonly InjectionCase[] = [
  ...podCases,
  ...entryCases,
  ...annotationCases,
  ...ownSettingsCases,
  ...deniedCases,
];
