import { type Change, changesOf } from './changes.ts';
import { diffDocuments } from './document-diff.ts';
import { hasChanges, type IdentityPlan, type Outcome } from './identity-plan.ts';
import { type Paint, type Style, visible } from './terminal.ts';

const STYLES: Readonly<Record<string, Style>> = { '+': 'green', '-': 'red', '~': 'yellow', '…': 'dim' };

/** The plans for a person, in the manner of `terraform plan`; a total at the end where there are several. */
export function planText(plans: readonly IdentityPlan[], paint: Paint): string {
  const blocks = plans.map((plan) => [heading(plan, paint), ...body(plan.outcome, paint)].join('\n'));
  const all = plans.length > 1 ? [...blocks, total(plans)] : blocks;
  return `${all.join('\n\n')}\n`;
}

function heading({ namespace, name, role, remarks }: IdentityPlan, paint: Paint): string {
  const what = role === undefined ? '' : `: role ${role}`;
  const more = remarks.length === 0 ? '' : ` (${remarks.join('; ')})`;
  return `${paint('bold', visible(`${namespace}/${name}${what}`))}${visible(more)}`;
}

function body(outcome: Outcome, paint: Paint): readonly string[] {
  switch (outcome.kind) {
    case 'refused':
      return [
        `  ${paint('red', '!')} ${outcome.reason}: ${visible(outcome.message)}`,
        '  Refused: nothing would be changed.',
      ];
    case 'planned': {
      const changes = changesOf(outcome);
      const count = changes.filter(({ isPart }) => isPart !== true).length;
      if (count === 0) return ['  0 to change: in sync.'];
      return [...changes.flatMap((change) => lines(change, paint)), `  ${count} to change.`];
    }
    default:
      return outcome satisfies never;
  }
}

function lines(change: Change, paint: Paint): readonly string[] {
  const { sign, path, operation, documents, isPart } = change;
  const indent = isPart === true ? '      ' : '  ';
  const value = documents === undefined ? `: ${valueOf(change)}` : '';
  const note = operation === undefined || isPart === true ? '' : `  ${paint('dim', `# ${operation}`)}`;
  const first = `${indent}${painted(sign, `${sign} ${visible(`${path}${value}`)}`, paint)}${note}`;
  if (documents === undefined) return [first];
  const diff = diffDocuments(documents.have, documents.want).map(
    ({ sign: mark, text }) => `${indent}    ${painted(mark, `${mark} ${visible(text)}`.trimEnd(), paint)}`,
  );
  return [first, ...diff];
}

const painted = (sign: string, text: string, paint: Paint): string => {
  const style = STYLES[sign];
  return style === undefined ? text : paint(style, text);
};

function valueOf({ sign, want, have }: Change): string {
  switch (sign) {
    case '+':
      return shown(want);
    case '-':
      return shown(have);
    case '~':
      return `${shown(have)} -> ${shown(want)}`;
    default:
      return sign satisfies never;
  }
}

const shown = (value: string): string => (value === '' ? '""' : value);

function total(plans: readonly IdentityPlan[]): string {
  const refused = plans.filter(({ outcome }) => outcome.kind === 'refused').length;
  const changing = plans.filter(({ outcome }) => outcome.kind === 'planned' && hasChanges(outcome)).length;
  const inSync = plans.length - refused - changing;
  return `${plans.length} identities: ${inSync} in sync, ${changing} to change, ${refused} refused.`;
}
