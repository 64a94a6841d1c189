/** A line of a diff: in both, only wanted (+), only there (-), or what stands for lines that are left out (…). */
export interface DiffLine {
  readonly sign: ' ' | '+' | '-' | '…';
  readonly text: string;
}

const CONTEXT_LINES = 3;
/** The table of the comparison: 2 500 × 2 500 lines, more than IAM's 10 240 characters can give. */
const MAX_CELLS = 6_250_000;

/**
 * The lines that differ between two policy documents, each printed as JSON, with three lines around them. Undefined: there
 * is no such document. Keys are put in IAM's usual order and lists of one become their element, so that two spellings of
 * the same thing do not show as a difference.
 */
export function diffDocuments(have: string | undefined, want: string | undefined): readonly DiffLine[] {
  const lines = diffLines(linesOf(have), linesOf(want));
  return have === undefined || want === undefined ? lines : withContext(lines);
}

/** A document as lines of JSON; text that is no JSON as it is. */
function linesOf(document: string | undefined): readonly string[] {
  if (document === undefined) return [];
  try {
    return JSON.stringify(ordered(JSON.parse(document)), undefined, 2).split('\n');
  } catch {
    return document.split('\n');
  }
}

/** The order in which the IAM User Guide writes them. */
const KEYS = [
  'Version',
  'Id',
  'Statement',
  'Sid',
  'Effect',
  'Principal',
  'NotPrincipal',
  'Action',
  'NotAction',
  'Resource',
  'NotResource',
  'Condition',
];

function ordered(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) {
    const items: readonly unknown[] = value.map((item) => ordered(item));
    return items.length === 1 && key !== 'Statement' ? items[0] : items;
  }
  if (typeof value !== 'object' || value === null) return key === 'Statement' ? [value] : value;
  const entries = Object.entries(value)
    .toSorted(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1))
    .map(([name, member]) => [name, ordered(member, name)] as const);
  const object = Object.fromEntries(entries);
  return key === 'Statement' ? [object] : object;
}

const rank = (key: string): number => (KEYS.includes(key) ? KEYS.indexOf(key) : KEYS.length);

/** The fewest lines to remove and add (longest common subsequence). */
function diffLines(have: readonly string[], want: readonly string[]): readonly DiffLine[] {
  let start = 0;
  while (start < have.length && start < want.length && have[start] === want[start]) start += 1;
  let end = 0;
  while (
    end < have.length - start &&
    end < want.length - start &&
    have[have.length - 1 - end] === want[want.length - 1 - end]
  )
    end += 1;
  const middle = diffMiddle(have.slice(start, have.length - end), want.slice(start, want.length - end));
  return [...have.slice(0, start).map(same), ...middle, ...have.slice(have.length - end).map(same)];
}

const same = (text: string): DiffLine => ({ sign: ' ', text });
const removed = (text: string): DiffLine => ({ sign: '-', text });
const added = (text: string): DiffLine => ({ sign: '+', text });

function diffMiddle(have: readonly string[], want: readonly string[]): readonly DiffLine[] {
  if ((have.length + 1) * (want.length + 1) > MAX_CELLS) return [...have.map(removed), ...want.map(added)];
  const lengths = commonLengths(have, want);
  const width = want.length + 1;
  const at = (i: number, j: number): number => lengths[i * width + j] ?? 0;
  const lines: DiffLine[] = [];
  let i = 0;
  let j = 0;
  while (i < have.length || j < want.length) {
    const [old = '', next = ''] = [have[i], want[j]];
    if (i < have.length && j < want.length && old === next) {
      lines.push(same(old));
      i += 1;
      j += 1;
    } else if (i < have.length && (j === want.length || at(i + 1, j) >= at(i, j + 1))) {
      lines.push(removed(old));
      i += 1;
    } else {
      lines.push(added(next));
      j += 1;
    }
  }
  return lines;
}

/** Cell (i, j): how many lines the ends of both from there on have in common. */
function commonLengths(have: readonly string[], want: readonly string[]): Uint16Array {
  const width = want.length + 1;
  const lengths = new Uint16Array((have.length + 1) * width);
  for (let i = have.length - 1; i >= 0; i -= 1) {
    for (let j = want.length - 1; j >= 0; j -= 1) {
      const [right = 0, below = 0, diagonal = 0] = [
        lengths[i * width + j + 1],
        lengths[(i + 1) * width + j],
        lengths[(i + 1) * width + j + 1],
      ];
      lengths[i * width + j] = have[i] === want[j] ? diagonal + 1 : Math.max(right, below);
    }
  }
  return lengths;
}

/** Leaves out what is further than three lines from a difference. */
function withContext(lines: readonly DiffLine[]): readonly DiffLine[] {
  const isNear = lines.map((_, index) =>
    lines
      .slice(Math.max(0, index - CONTEXT_LINES), index + CONTEXT_LINES + 1)
      .some(({ sign }) => sign === '+' || sign === '-'),
  );
  return lines.flatMap((line, index): readonly DiffLine[] => {
    if (isNear[index]) return [line];
    return index === 0 || isNear[index - 1] ? [{ sign: '…', text: '' }] : [];
  });
}
