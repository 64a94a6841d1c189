import { styleText } from 'node:util';

/** A step whose expectation did not hold. */
export class StepFailed extends Error {
  override readonly name = 'StepFailed';
}

export interface NarratorOptions {
  readonly write: (text: string) => void;
  readonly colors: boolean;
}

type Style = Parameters<typeof styleText>[0];

/** Tells the story in the terminal: chapters, commands, what they print, and what held. */
export class Narrator {
  readonly #options: NarratorOptions;
  #chapter = 0;
  #held = 0;

  constructor(options: NarratorOptions) {
    this.#options = options;
  }

  /** How many expectations held. */
  get held(): number {
    return this.#held;
  }

  chapter(title: string, ...lines: readonly string[]): void {
    this.#chapter += 1;
    this.#line(`\n${this.#paint('bold', `${this.#chapter}. ${title}`)}`);
    for (const line of lines) this.#line(line);
    this.#line('');
  }

  say(...lines: readonly string[]): void {
    for (const line of lines) this.#line(line);
  }

  command(text: string): void {
    this.#line(this.#paint('cyan', `$ ${text}`));
  }

  /** Output of a command, or an excerpt of an object. */
  show(text: string): void {
    for (const line of text.trimEnd().split('\n')) this.#line(this.#paint('dim', `  ${line}`));
  }

  /** Progress of something that takes long. */
  progress(line: string): void {
    this.#line(this.#paint('dim', `▸ ${line}`));
  }

  /** States what must hold; throws StepFailed with what was seen when it does not. */
  expect(statement: string, holds: boolean, seen: unknown): void {
    if (!holds) {
      const text = typeof seen === 'string' ? seen : JSON.stringify(seen, undefined, 2);
      throw new StepFailed(`expected: ${statement}\nseen: ${text}`);
    }
    this.#held += 1;
    this.#line(`${this.#paint('green', '✓')} ${statement}`);
  }

  failure(error: unknown, hint: string): void {
    this.#line(`\n${this.#paint('red', '✗ The story broke off.')}`);
    this.#line(error instanceof Error ? error.message : String(error));
    this.#line(hint);
  }

  #line(text: string): void {
    this.#options.write(`${text}\n`);
  }

  #paint(style: Style, text: string): string {
    return this.#options.colors ? styleText(style, text, { validateStream: false }) : text;
  }
}

/** Colours only for a terminal, and not where NO_COLOR asks for none (no-color.org). */
export const wantsColors = (isTerminal: boolean, environment: NodeJS.ProcessEnv): boolean =>
  isTerminal && (environment['NO_COLOR'] ?? '') === '';

/** Asks until the answer is accepted. Resolves with it, or with the last one after the patience is over. */
export async function until<T>(
  ask: () => Promise<T> | T,
  accepts: (answer: T) => boolean,
  patienceMs = 30_000,
): Promise<T> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const answer = await ask();
    if (accepts(answer) || Date.now() > deadline) return answer;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
