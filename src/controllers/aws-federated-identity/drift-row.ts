import type { Drift } from '../../crds/aws-federated-identity.ts';
import { cutTo } from '../../printable.ts';

const MAX_VALUE = 256;

/** How much is shown before the first difference of long texts. */
const MARGIN = 64;

/** One difference for the status. Long texts are shown from shortly before they differ: trust policies begin alike for longer than a row has room. */
export function driftRow(path: string, want: string, have: string): Drift {
  const from = firstDifference(want, have) - MARGIN;
  const isCut = from > 0 && Math.max(want.length, have.length) > MAX_VALUE;
  const shown = (text: string): string => cutTo(isCut ? `…${text.slice(from)}` : text, MAX_VALUE);
  return { path: cutTo(path, MAX_VALUE), want: shown(want), have: shown(have) };
}

function firstDifference(a: string, b: string): number {
  let index = 0;
  while (index < a.length && a[index] === b[index]) index += 1;
  return index;
}
