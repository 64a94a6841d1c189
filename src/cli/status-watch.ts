import { CliError } from './failures.ts';
import { visible } from './terminal.ts';

export interface StatusWatch {
  /** The status as it is now. */
  readonly look: () => Promise<string>;
  readonly write: (text: string) => void;
  readonly warn: (text: string) => void;
  /** Whether there is a screen to clear; else every change is appended. */
  readonly isTerminal: boolean;
  /** Resolves after the pause between two looks, or rejects to end the watch. */
  readonly pause: () => Promise<void>;
}

const CLEAR_SCREEN = '\u001b[2J\u001b[H';
const SEPARATOR = '---\n';

/**
 * Shows the status again whenever it has changed, until `pause` rejects. The first look may fail with its error; a
 * failure later on is told once, and the watch goes on.
 */
export async function watchStatus({ look, write, warn, isTerminal, pause }: StatusWatch): Promise<never> {
  let shown = await look();
  let told = '';
  write(isTerminal ? `${CLEAR_SCREEN}${shown}` : shown);
  for (;;) {
    await pause();
    try {
      const now = await look();
      if (now !== shown) write(isTerminal ? `${CLEAR_SCREEN}${now}` : `${SEPARATOR}${now}`);
      shown = now;
      told = '';
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      if (error.message !== told) warn(`${visible(error.message)}\n`);
      told = error.message;
    }
  }
}
