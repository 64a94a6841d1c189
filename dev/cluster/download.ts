import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';

const STALLED_MS = 30_000;

export interface Download {
  readonly url: string;
  /** Where it is written. */
  readonly file: string;
  readonly algorithm: 'sha256' | 'sha512';
}

/** Writes what is at a URL into a file and returns its hash in hex. Throws when no data came for 30 s. */
export async function download({ url, file, algorithm }: Download, fetchUrl: typeof fetch = fetch): Promise<string> {
  const stalled = new AbortController();
  const timer = setTimeout(() => stalled.abort(new Error(`no data for ${STALLED_MS / 1000} s`)), STALLED_MS);
  try {
    const response = await fetchUrl(url, { signal: stalled.signal });
    if (!response.ok || response.body === null) throw new Error(`${url} answered ${response.status}`);
    const hash = createHash(algorithm);
    await pipeline(
      response.body,
      async function* observe(chunks: AsyncIterable<Uint8Array>) {
        for await (const chunk of chunks) {
          timer.refresh();
          hash.update(chunk);
          yield chunk;
        }
      },
      createWriteStream(file),
    );
    return hash.digest('hex');
  } finally {
    clearTimeout(timer);
  }
}
