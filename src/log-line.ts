import { escaped } from './printable.ts';
import { withoutSecrets } from './secrets.ts';

/**
 * A line of the log as it leaves the process. JSON needs the controls below U+0020 escaped and no others: the rest would reach
 * the terminal of whoever reads the log.
 */
export function logLine(line: string): string {
  const end = line.endsWith('\n') ? '\n' : '';
  return `${escaped(withoutSecrets(line.slice(0, line.length - end.length)))}${end}`;
}
