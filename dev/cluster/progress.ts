/** Receives one line, without a line break, for the person who waits. */
export type Progress = (line: string) => void;

const REMINDER_MS = 30_000;

/** Says what begins, every 30 s that it still runs, and how long it took. Errors pass through. */
export async function withProgress<T>(progress: Progress, step: string, work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const elapsed = (): string => `${((performance.now() - startedAt) / 1000).toFixed(0)} s`;
  progress(step);
  const reminder = setInterval(() => progress(`  … ${elapsed()} so far`), REMINDER_MS);
  try {
    const result = await work();
    progress(`  done in ${elapsed()}`);
    return result;
  } finally {
    clearInterval(reminder);
  }
}
