import { expect, test } from 'vitest';
import { Narrator } from './narrator.ts';
import { type ExitCode, type Play, play } from './play.ts';

interface Outcome {
  readonly code: ExitCode;
  readonly text: string;
  /** Whether what was built was taken down. */
  readonly takenDown: boolean;
}

async function perform(story: Partial<Play<AsyncDisposable>>): Promise<Outcome> {
  let text = '';
  let takenDown = false;
  const code = await play<AsyncDisposable>({
    narrator: new Narrator({ colors: false, write: (part) => void (text += part) }),
    interrupted: new AbortController().signal,
    start: async () => ({ [Symbol.asyncDispose]: async () => void (takenDown = true) }),
    tell: async () => {},
    clues: async () => 'All logs: here',
    ...story,
  });
  return { code, text, takenDown };
}

const hanging = async (): Promise<AsyncDisposable> => ({
  [Symbol.asyncDispose]: async () => Promise.reject(new Error('etcd hangs')),
});

const endless = (): Promise<never> => new Promise(() => {});

test('a story that holds ends with 0, and is taken down', async () => {
  expect(await perform({})).toEqual({ code: 0, text: '', takenDown: true });
});

test('a step that throws ends with 1, says what was seen and where the logs are, and is taken down', async () => {
  const outcome = await perform({ tell: async () => Promise.reject(new Error('expected: a role\nseen: nothing')) });
  expect(outcome).toEqual({
    code: 1,
    text: '\n✗ The story broke off.\nexpected: a role\nseen: nothing\nAll logs: here\n',
    takenDown: true,
  });
});

test('a stack that does not start ends with 1 and its reason', async () => {
  const outcome = await perform({ start: async () => Promise.reject(new Error('no etcd')) });
  expect(outcome).toEqual({ code: 1, text: '\n✗ The story broke off.\nno etcd\n', takenDown: false });
});

test('clues that cannot be had do not hide the failure', async () => {
  const { code, text } = await perform({
    tell: async () => Promise.reject(new Error('the failure')),
    clues: async () => Promise.reject(new Error('disk full')),
  });
  expect(code).toBe(1);
  expect(text).toContain('the failure\n(no clues: Error: disk full)');
});

test('a stack that cannot be taken down ends with 1', async () => {
  expect(await perform({ start: hanging })).toMatchObject({ code: 1, text: expect.stringContaining('etcd hangs') });
});

test('Ctrl-C in the middle takes everything down, ends with 130, and nothing is said any more', async () => {
  const stop = new AbortController();
  const outcome = await perform({
    interrupted: stop.signal,
    tell: async () => {
      queueMicrotask(() => stop.abort());
      return endless();
    },
  });
  expect(outcome).toEqual({ code: 130, text: '\nstopping …\n', takenDown: true });
});

test('Ctrl-C during the start does not wait for the start', async () => {
  const outcome = await perform({ interrupted: AbortSignal.abort(), start: endless });
  expect(outcome).toMatchObject({ code: 130, takenDown: false });
});
