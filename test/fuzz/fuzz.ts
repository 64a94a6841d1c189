import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';

/** What takes text of strangers, and what must hold for any of it. */
export interface FuzzTarget {
  readonly name: string;
  /** Words of its language, to be put in anywhere. */
  readonly words: readonly string[];
  /** Inputs that are nearly right. */
  readonly likely: fc.Arbitrary<string>;
  /** Throws an AssertionError for what must not be. Whatever else it throws is a finding, too. */
  readonly check: (input: string) => void | Promise<void>;
  /** Of a hundred inputs of the others so many are tried; it talks to a socket. */
  readonly share?: number;
}

export interface FuzzOptions {
  readonly seed: number;
  /** Asked before each input beyond the corpus. */
  readonly goesOn: (tried: number) => boolean;
  /** Whether code has run since the last question as it had not before. It takes a while to answer. */
  readonly reachedMore?: () => Promise<boolean>;
}

export interface FuzzReport {
  readonly tried: number;
  readonly slowestMs: number;
  /** Inputs that were kept for reaching more code, or for being among those of which one did. */
  readonly kept: number;
}

/** An input that broke something; its text is the first line of the message. */
export class FuzzFailure extends Error {}

/** Inputs that once broke something, or are near to it. */
const corpusOf = (name: string): readonly string[] => {
  const file = join(import.meta.dirname, 'corpus', `${name}.json`);
  const inputs: readonly string[] = JSON.parse(readFileSync(file, 'utf8'));
  return inputs;
};

/** The same numbers in [0, 1) for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Characters and words that parsers stumble over, whatever they parse. */
const NASTY = [
  '\u0000',
  '\n',
  '\u001b[2J',
  '\u202e',
  '\ud800',
  '🙂',
  '%',
  '\\',
  '"',
  ' ',
  '__proto__',
  'constructor',
  'prototype',
  'null',
  '1e999',
  '-0',
  '9007199254740993',
  '[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[',
  'x'.repeat(3000),
];

/** A few random edits of a text: parts are cut, doubled, swapped, spliced with another text, or words put in. */
function edited(text: string, other: string, words: readonly string[], random: () => number): string {
  const at = (length: number): number => Math.floor(random() * (length + 1));
  const pick = (list: readonly string[]): string => list[Math.floor(random() * list.length)] ?? '';
  let result = text;
  for (let edits = 1 + Math.floor(random() * 4); edits > 0; edits -= 1) {
    const [from, to] = [at(result.length), at(result.length)].toSorted((a, b) => a - b) as [number, number];
    const [head, middle, tail] = [result.slice(0, from), result.slice(from, to), result.slice(to)];
    const edits6 = [
      () => head + tail,
      () => head + middle + middle + tail,
      () => tail + middle + head,
      () => head + other.slice(at(other.length)),
      () => head + pick(words) + middle + tail,
      () => head + pick(NASTY) + tail,
    ];
    result = (edits6[Math.floor(random() * edits6.length)] ?? (() => result))().slice(0, 100_000);
  }
  return result;
}

/** Inputs between two questions for coverage. */
const BATCH = 20;

/** Tries the corpus, then random inputs; throws a FuzzFailure for the first that breaks a rule. */
export async function fuzz(target: FuzzTarget, { seed, goesOn, reachedMore }: FuzzOptions): Promise<FuzzReport> {
  const random = randomFrom(seed);
  const pool = [...corpusOf(target.name)];
  let kept = 0;
  let batch: string[] = [];
  let slowestMs = 0;
  const attempt = async (input: string): Promise<void> => {
    const begin = performance.now();
    try {
      await target.check(input);
      assert.deepEqual(Object.keys(Object.prototype), [], 'the prototype of all objects was changed');
    } catch (error) {
      const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
      throw new FuzzFailure(`${target.name}, seed ${seed}: ${JSON.stringify(input)}\n${why}`, { cause: error });
    }
    slowestMs = Math.max(slowestMs, performance.now() - begin);
  };
  for (const input of pool) await attempt(input); // oxlint-disable-line no-await-in-loop -- one after the other
  await reachedMore?.();
  let tried = pool.length;
  for (let index = 0; goesOn(index); index += 1) {
    const some = (): string => pool[Math.floor(random() * pool.length)] ?? '';
    const input =
      random() < 0.3
        ? (fc.sample(target.likely, { seed: Math.floor(random() * 2 ** 31), numRuns: 1 })[0] ?? '')
        : edited(some(), some(), target.words, random);
    await attempt(input); // oxlint-disable-line no-await-in-loop -- one after the other
    tried += 1;
    batch.push(input);
    if (reachedMore === undefined || batch.length < BATCH) continue;
    const isMore = await reachedMore(); // oxlint-disable-line no-await-in-loop -- of this very batch
    if (isMore) {
      pool.push(...batch);
      kept += batch.length;
    }
    batch = [];
  }
  return { tried, slowestMs, kept };
}
