import { z } from 'zod';
import { RoleArn } from '../iam/arn.ts';
import { Audience } from './aws-oidc-provider.ts';
import type { Kind } from './manifest.ts';

/** What pods of one ServiceAccount are given. */
export const Injection = z.object({
  roleArn: RoleArn.describe('AWS_ROLE_ARN of the pods.'),
  audience: Audience.describe("Audience of the pods' tokens."),
  tokenExpirationSeconds: z.int().min(600).max(86400).describe("Life of the pods' tokens in seconds."),
  region: z.string().min(1).max(32).describe('AWS_REGION and AWS_DEFAULT_REGION of the pods.'),
});
export type Injection = z.output<typeof Injection>;

export const AwsPodInjectionSpec = z
  .object({
    serviceAccounts: z
      .record(z.string().max(253), Injection)
      .optional()
      .describe('ServiceAccount name to what its pods get.')
      .meta({ maxProperties: 5000 }),
  })
  .describe('The table that the admission policy looks pods up in.');
export type AwsPodInjectionSpec = z.output<typeof AwsPodInjectionSpec>;

/** The table of a namespace has this name, so that the policy finds it without a search. */
export const INJECTION_TABLE = 'default';

export const AwsPodInjectionKind: Kind = {
  kind: 'AwsPodInjection',
  plural: 'awspodinjections',
  shortNames: [],
  scope: 'Namespaced',
  description:
    'What the pods of a namespace are given, by ServiceAccount. Written by the operator only; read by its admission policy at each pod creation.',
  spec: AwsPodInjectionSpec,
  columns: [
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'Time since creation.' },
  ],
};
