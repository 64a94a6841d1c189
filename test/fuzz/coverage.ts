import { Session } from 'node:inspector/promises';

export interface CodeCoverage extends AsyncDisposable {
  /** Whether a function of src/ has run in blocks, since the last question, that had not run together before. */
  readonly reachedMore: () => Promise<boolean>;
}

/** V8's own coverage of this process. */
export async function codeCoverage(): Promise<CodeCoverage> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  const seen = new Set<string>();
  return {
    reachedMore: async () => {
      const { result } = await session.post('Profiler.takePreciseCoverage');
      const before = seen.size;
      for (const { url, functions } of result.filter((script) => script.url.includes('/src/'))) {
        for (const { ranges } of functions.filter((each) => (each.ranges[0]?.count ?? 0) > 0)) {
          const blocks = ranges.map(({ startOffset, endOffset, count }) => `${startOffset}-${endOffset}:${count > 0}`);
          seen.add(`${url} ${blocks.join(' ')}`);
        }
      }
      return seen.size > before;
    },
    [Symbol.asyncDispose]: async () => {
      await session.post('Profiler.stopPreciseCoverage');
      session.disconnect();
    },
  };
}
