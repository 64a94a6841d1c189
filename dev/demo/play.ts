import type { Narrator } from './narrator.ts';

/** 0: everything held. 1: something did not. 130: the user stopped it (128 + SIGINT, as shells count). */
export type ExitCode = 0 | 1 | 130;

export interface Play<Stage extends AsyncDisposable> {
  /** Builds what the story plays on. It is disposed at the end, however the story ends. */
  readonly start: () => Promise<Stage>;
  /** Tells the story; throws what did not hold. */
  readonly tell: (stage: Stage) => Promise<void>;
  /** Says, before the stage is taken down, where the reader finds out more about a failure. */
  readonly clues: (stage: Stage) => Promise<string>;
  readonly narrator: Narrator;
  /** Aborts when the user has had enough. */
  readonly interrupted: AbortSignal;
}

/**
 * Runs a story from start to end and takes everything down. Never rejects: what fails is narrated. When the user
 * interrupts during `start`, it resolves at once and `start` goes on: the caller ends the process.
 */
export async function play<Stage extends AsyncDisposable>(story: Play<Stage>): Promise<ExitCode> {
  const { narrator, interrupted, start } = story;
  const interruption = untilAborted(interrupted);
  try {
    const stage = await Promise.race([start(), interruption]);
    if (stage !== 'interrupted') return await perform(story, stage, interruption);
    narrator.say('', 'stopped');
    narrator.end();
    return 130;
  } catch (error) {
    narrator.failure(error);
    return 1;
  }
}

async function perform<Stage extends AsyncDisposable>(
  { tell, clues, narrator }: Play<Stage>,
  stage: Stage,
  interruption: Promise<'interrupted'>,
): Promise<ExitCode> {
  await using _taken = stage;
  try {
    if ((await Promise.race([tell(stage), interruption])) !== 'interrupted') return 0;
    narrator.say('', 'stopping …');
    narrator.end();
    return 130;
  } catch (error) {
    const hint = await clues(stage).catch((cause: unknown) => `(no clues: ${String(cause)})`);
    narrator.failure(error, hint);
    return 1;
  }
}

function untilAborted(signal: AbortSignal): Promise<'interrupted'> {
  const { promise, resolve } = Promise.withResolvers<'interrupted'>();
  if (signal.aborted) resolve('interrupted');
  else signal.addEventListener('abort', () => resolve('interrupted'), { once: true });
  return promise;
}
