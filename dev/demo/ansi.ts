/** A piece of a line in one style. */
export interface Run {
  readonly text: string;
  readonly styles: readonly Style[];
}

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'cyan';

const ON: Readonly<Record<string, Style>> = { 1: 'bold', 2: 'dim', 31: 'red', 32: 'green', 36: 'cyan' };
const OFF: Readonly<Record<string, readonly Style[]>> = {
  0: ['bold', 'dim', 'red', 'green', 'cyan'],
  22: ['bold', 'dim'],
  39: ['red', 'green', 'cyan'],
};

const ESCAPE = '\u001b';
/** SGR sequences are captured; other sequences (ECMA-48 CSI and OSC) and control characters are only found. */
const SEQUENCE = new RegExp(
  String.raw`${ESCAPE}\[([\d;]*)m|${ESCAPE}\[[0-?]*[ -/]*[@-~]|${ESCAPE}\][^\u0007${ESCAPE}]*(?:\u0007|${ESCAPE}\\)|[\u0000-\u001f\u007f-\u009f]`,
  'g',
);

/** A line as a terminal shows it: its styles as runs, everything else that is no text left out. */
export function runsOf(line: string): readonly Run[] {
  const runs: Run[] = [];
  const styles = new Set<Style>();
  let from = 0;
  const push = (text: string): void => {
    if (text !== '') runs.push({ text, styles: [...styles] });
  };
  for (const match of line.matchAll(SEQUENCE)) {
    push(line.slice(from, match.index));
    from = match.index + match[0].length;
    for (const code of match[1]?.split(';') ?? []) restyle(styles, code === '' ? '0' : code);
  }
  push(line.slice(from));
  return runs;
}

function restyle(styles: Set<Style>, code: string): void {
  for (const style of OFF[code] ?? []) styles.delete(style);
  const on = ON[code];
  if (on !== undefined) styles.add(on);
}

/** The first columns of a line, with `…` in the last one where more follows. */
export function cut(runs: readonly Run[], columns: number): readonly Run[] {
  const length = runs.reduce((sum, { text }) => sum + [...text].length, 0);
  if (length <= columns) return runs;
  const short: Run[] = [];
  let left = columns - 1;
  for (const { text, styles } of runs) {
    const characters = [...text].slice(0, left);
    left -= characters.length;
    if (characters.length > 0) short.push({ text: characters.join(''), styles });
  }
  return [...short, { text: '…', styles: [] }];
}
