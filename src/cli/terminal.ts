import { styleText } from 'node:util';
import { escaped } from '../printable.ts';

/** Where a command writes. */
export interface Terminal {
  /** To standard output. */
  readonly write: (text: string) => void;
  /** To standard error. */
  readonly warn: (text: string) => void;
  /** Whether standard output is a terminal that shows colours, and its user wants them. */
  readonly colors: boolean;
}

export type Style = 'bold' | 'dim' | 'green' | 'red' | 'yellow';

/** Text in a colour, or as it is. */
export type Paint = (style: Style, text: string) => string;

export const painter =
  (colors: boolean): Paint =>
  (style, text) =>
    colors ? styleText(style, text, { validateStream: false }) : text;

/**
 * Whether to colour standard output: only a terminal, and not with a non-empty NO_COLOR (no-color.org) or TERM=dumb.
 */
export const wantsColors = (isTerminal: boolean, { NO_COLOR = '', TERM = '' }: NodeJS.ProcessEnv): boolean =>
  isTerminal && NO_COLOR === '' && TERM !== 'dumb';

/** One line that shows what is in it: tenants and AWS wrote parts of it, and must not steer the terminal. */
export const visible = (line: string): string => escaped(line);

/** JSON for a program, whose reader may sit at a terminal: JSON itself escapes only the controls of ASCII. */
export const jsonText = (value: unknown): string =>
  `${JSON.stringify(value, undefined, 2).split('\n').map(visible).join('\n')}\n`;
