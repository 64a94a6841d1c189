import { styleText } from 'node:util';

/** A step whose expectation did not hold. */
export class StepFailed extends Error {
  override readonly name = 'StepFailed';
}

export interface NarratorOptions {
  readonly write: (text: string) => void;
  readonly colors: boolean;
  /** Time to read, before every chapter but the first. Default: none. */
  readonly pause?: () => Promise<void>;
}

type Style = Parameters<typeof styleText>[0];

/** Prose is wrapped at this column; what programs print is shown as it is. */
const COLUMNS = 100;
const INDENT = '  ';

/** Tells the story in the terminal: chapters, commands, what they print, and what held. */
export class Narrator {
  readonly #options: NarratorOptions;
  #chapter = 0;
  #held = 0;
  #ended = false;

  constructor(options: NarratorOptions) {
    this.#options = options;
  }

  /** How many expectations held. */
  get held(): number {
    return this.#held;
  }

  async chapter(title: string, ...paragraphs: readonly string[]): Promise<void> {
    if (this.#chapter > 0) await this.#options.pause?.();
    this.#chapter += 1;
    this.#line(`\n${this.#paint(['bold', 'cyan'], `${this.#chapter}. ${title}`)}\n`);
    if (paragraphs.length > 0) this.say(...paragraphs, '');
  }

  /** Prose, a paragraph each. An indented one is there to be copied, and stays one line. */
  say(...paragraphs: readonly string[]): void {
    for (const paragraph of paragraphs) {
      const lines = paragraph.startsWith(INDENT) ? [paragraph] : wrapped(paragraph, COLUMNS);
      for (const line of lines) this.#line(line);
    }
  }

  /** A command as it could be typed; `input` is what it reads from standard input. */
  command(text: string, input?: string): void {
    this.#line(this.#paint('bold', `$ ${text}`));
    if (input !== undefined) this.show(input);
  }

  /** Output of a command, or an excerpt of an object, line by line. */
  show(text: string): void {
    for (const line of text.trimEnd().split('\n')) this.#line(this.#paint('dim', line === '' ? '' : INDENT + line));
  }

  /** A message of a program: one long line, wrapped. */
  quote(text: string): void {
    for (const line of wrapped(text.trim(), COLUMNS - INDENT.length - 2)) this.#line(`${INDENT}│ ${line}`);
  }

  /** Progress of something that takes long. */
  progress(line: string): void {
    this.#line(this.#paint('dim', `▸ ${line}`));
  }

  /** States what must hold; throws StepFailed with what was seen when it does not. */
  expect(statement: string, holds: boolean, seen: unknown): void {
    if (!holds) {
      const text = typeof seen === 'string' ? seen : (JSON.stringify(seen, undefined, 2) ?? 'nothing');
      throw new StepFailed(`expected: ${statement}\nseen:     ${text}`);
    }
    this.#held += 1;
    const [first = '', ...rest] = wrapped(statement, COLUMNS - 2);
    this.#line(`${this.#paint('green', '✓')} ${first}`);
    for (const line of rest) this.#line(INDENT + line);
  }

  /** Why the story broke off, and where to look. */
  failure(error: unknown, hint = ''): void {
    const chapter = this.#chapter === 0 ? '' : ` in chapter ${this.#chapter}`;
    this.#line(`\n${this.#paint('red', `✗ The story broke off${chapter}.`)}`);
    this.#line(error instanceof Error ? error.message : String(error));
    if (hint !== '') this.#line(hint);
  }

  /** Says nothing any more: what is still under way when the user has stopped the story is of no interest. */
  end(): void {
    this.#ended = true;
  }

  #line(text: string): void {
    if (!this.#ended) this.#options.write(`${text}\n`);
  }

  #paint(style: Style, text: string): string {
    return this.#options.colors && text !== '' ? styleText(style, text, { validateStream: false }) : text;
  }
}

/** Breaks text between words, into lines of at most `columns`; a longer word stands alone. */
export function wrapped(text: string, columns: number): readonly string[] {
  const lines: string[] = [];
  for (const line of text.split('\n')) {
    const [first = '', ...words] = line.split(/(?<=\S) /); // leading spaces belong to the first word
    let current = first;
    for (const word of words) {
      if (current.length + 1 + word.length > columns) {
        lines.push(current);
        current = word;
      } else current = `${current} ${word}`;
    }
    lines.push(current);
  }
  return lines;
}

/** Colours only for a terminal, and not where NO_COLOR asks for none (no-color.org). */
export const wantsColors = (isTerminal: boolean, environment: NodeJS.ProcessEnv): boolean =>
  isTerminal && (environment['NO_COLOR'] ?? '') === '' && environment['TERM'] !== 'dumb';
