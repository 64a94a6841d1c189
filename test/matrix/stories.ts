import type { Stack } from '../../dev/stack/stack.ts';
import { type Lane, startLane } from './lane.ts';
import { type Outcome, play, type Scene } from './play.ts';
import { BLOWS, type Blow, type Point } from './points.ts';
import { furnishBucket, publishingScenes } from './publishing.ts';
import {
  furnish,
  identityScenes,
  leaseScenes,
  providerScenes,
  providerSpec,
  withoutProvider,
  withProvider,
} from './scenes.ts';

export const STORIES = ['provider', 'publishing', 'identity', 'lease'] as const;
export type Story = (typeof STORIES)[number];

/** Those whose identities need a provider that is there already. */
const USES_PROVIDER: ReadonlySet<Story> = new Set(['identity', 'lease']);

/** One run of the matrix. */
export interface Run {
  readonly story: Story;
  readonly point: Point;
  readonly blow: Blow;
}

/** A lane that can play every story. */
export interface Theatre extends AsyncDisposable {
  /** All runs, by recording each story once without a fault. Throws where one goes wrong by itself. */
  program(stories?: readonly Story[]): Promise<readonly Run[]>;
  perform(run: Run): Promise<Outcome>;
}

/** Opens a lane of the stack; the account must be one of the stack's own. */
export async function openTheatre(stack: Stack, accountId: string, program?: string): Promise<Theatre> {
  const lane = await startLane(stack, accountId, program);
  const { account } = lane;
  await furnish(account);
  furnishBucket(account);
  await calm(lane, withProvider(account));
  const thumbprint = account.providers()[0]?.thumbprints[0] ?? '';
  let hasProvider = true;
  const needProvider = async (isNeeded: boolean): Promise<void> => {
    if (hasProvider === isNeeded) return;
    await calm(lane, isNeeded ? withProvider(account) : withoutProvider);
    hasProvider = isNeeded;
  };
  const scenesOf = (story: Story): readonly Scene[] => {
    switch (story) {
      case 'provider':
        return providerScenes(account, thumbprint);
      case 'publishing':
        return publishingScenes(account, (fields) => providerSpec(account, fields));
      case 'identity':
        return identityScenes(account);
      case 'lease':
        return leaseScenes;
      default:
        return story satisfies never;
    }
  };
  return {
    program: async (stories = STORIES) => {
      const runs: Run[] = [];
      for (const story of stories) {
        await needProvider(USES_PROVIDER.has(story)); // oxlint-disable-line no-await-in-loop -- one lane
        const { points } = await calm(lane, scenesOf(story)); // oxlint-disable-line no-await-in-loop -- as above
        const chosen = points.filter((point) => belongsTo(story, point));
        runs.push(...chosen.flatMap((point) => BLOWS.map((blow) => ({ story, point, blow }))));
      }
      return runs;
    },
    perform: async ({ story, point, blow }) => {
      await needProvider(USES_PROVIDER.has(story));
      return play(lane, scenesOf(story), { point, blow });
    },
    [Symbol.asyncDispose]: () => lane[Symbol.asyncDispose](),
  };
}

/** Renewals of the Lease fall anywhere: only the story of the Lease has them, and only the first ones. */
const belongsTo = (story: Story, { write, occurrence }: Point): boolean =>
  write.endsWith(' leases') ? story === 'lease' && occurrence <= 2 : story !== 'lease';

async function calm(lane: Lane, scenes: readonly Scene[]): Promise<Outcome> {
  const outcome = await play(lane, scenes);
  const [first] = outcome.violations;
  if (first !== undefined) throw new Error(`with nothing gone wrong, "${first.scene}": ${first.kind}: ${first.what}`);
  return outcome;
}
