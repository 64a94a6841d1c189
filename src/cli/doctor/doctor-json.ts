import { brokenLink, type Diagnosis, type Link } from './chain.ts';
import { jsonText } from '../terminal.ts';

/** The chains for a program: an array of identities; every key is always there, null where there is nothing. */
export const doctorJson = (diagnoses: readonly Diagnosis[]): string =>
  jsonText(
    diagnoses.map((diagnosis) => ({
      namespace: diagnosis.namespace,
      name: diagnosis.name,
      broken: brokenLink(diagnosis)?.name ?? null,
      links: diagnosis.links.map(linkJson),
    })),
  );

const linkJson = (link: Link): object => ({
  link: link.name,
  state: link.kind,
  reason: link.kind === 'broken' ? link.reason : null,
  message: link.kind === 'unreached' ? null : link.message,
  warnings: link.kind === 'unreached' ? [] : link.warnings,
});
