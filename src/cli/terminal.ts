import { styleText } from 'node:util';

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
export const visible = (line: string): string =>
  line.replaceAll(
    // oxlint-disable-next-line no-control-regex -- and the marks that turn the direction of text
    /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
