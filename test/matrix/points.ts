/** A write as it can be met again in another run: the n-th of its operation. */
export interface Point {
  /** `iam CreateRole`, `s3 PutObject`, `api PATCH awsfederatedidentities/status`. */
  readonly write: string;
  /** From 1. */
  readonly occurrence: number;
}

/**
 * What happens at a write. Before and after say whether the write took effect when the process was killed; a request or a
 * response is lost by a cut connection, and the process goes on.
 */
export const BLOWS = ['killed-before', 'killed-after', 'request-lost', 'response-lost'] as const;
export type Blow = (typeof BLOWS)[number];

/** The one of a write in a run over all of them; four seeds in a row have all. */
export const blowOf = (index: number, seed: number): Blow => BLOWS[(index + seed) % BLOWS.length] ?? BLOWS[0];

/** Numbers the writes of a run. */
export class PointCounter {
  readonly points: Point[] = [];
  readonly #counts = new Map<string, number>();

  next(write: string): Point {
    const occurrence = (this.#counts.get(write) ?? 0) + 1;
    this.#counts.set(write, occurrence);
    const point = { write, occurrence };
    this.points.push(point);
    return point;
  }
}

/** `iam CreateRole#1`. */
export const pointText = ({ write, occurrence }: Point): string => `${write}#${occurrence}`;

/** The way back from `pointText`. Throws where the text is none. */
export function parsePoint(text: string): Point {
  const [, write, occurrence] = /^(.+)#(\d+)$/.exec(text) ?? [];
  if (write === undefined) throw new Error(`"${text}" is no point; one looks like "iam CreateRole#1"`);
  return { write, occurrence: Number(occurrence) };
}

/** Throws where the text is none. */
export function parseBlow(text: string): Blow {
  const blow = BLOWS.find((one) => one === text);
  if (blow === undefined) throw new Error(`"${text}" is no blow; they are ${BLOWS.join(', ')}`);
  return blow;
}
