import { type Paint, type Style, visible } from '../terminal.ts';
import { brokenLink, type Diagnosis, type Link } from './chain.ts';

const MARKS: Readonly<Record<Link['kind'], { readonly sign: string; readonly style: Style }>> = {
  holds: { sign: '✓', style: 'green' },
  broken: { sign: '✗', style: 'red' },
  unseen: { sign: '?', style: 'yellow' },
  unreached: { sign: '·', style: 'dim' },
};

const INDENT = ' '.repeat(19);

/** The chains for a person: a line for each link, its warnings below it, and what to make of it at the end. */
export const doctorText = (diagnoses: readonly Diagnosis[], paint: Paint): string =>
  diagnoses
    .map((diagnosis) => {
      const { namespace, name, links } = diagnosis;
      const heading = paint('bold', visible(`AwsFederatedIdentity ${namespace}/${name}`));
      return [heading, ...links.flatMap((link) => linesOf(link, paint)), '', verdict(diagnosis, paint), ''].join('\n');
    })
    .join('\n');

function linesOf(link: Link, paint: Paint): readonly string[] {
  const { sign, style } = MARKS[link.kind];
  const name = link.name.padEnd(15);
  if (link.kind === 'unreached') return [paint('dim', `  ${sign} ${name} not looked at`)];
  const reason = link.kind === 'broken' ? `${paint('bold', link.reason)}: ` : '';
  return [
    `  ${paint(style, sign)} ${name} ${reason}${visible(link.message)}`,
    ...link.warnings.map((warning) => `${INDENT}${paint('yellow', '!')} ${visible(warning)}`),
  ];
}

function verdict(diagnosis: Diagnosis, paint: Paint): string {
  const broken = brokenLink(diagnosis);
  if (broken !== undefined) {
    return paint(
      'red',
      `The first broken link is ${broken.name}. docs/troubleshooting.md has a heading ${broken.reason}.`,
    );
  }
  const unseen = diagnosis.links.filter(({ kind }) => kind === 'unseen').map(({ name }) => name);
  if (unseen.length > 0)
    return paint('yellow', `No link is broken, as far as could be seen; not seen: ${unseen.join(', ')}.`);
  return paint('green', 'Every link holds: a pod of this ServiceAccount that is created now can use AWS.');
}
