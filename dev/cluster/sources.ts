import type { Progress } from './progress.ts';

/** What a source has to offer, or why it was passed over, in one line for the person who waits. */
export type Outcome<T> =
  | { readonly kind: 'found'; readonly value: T }
  | { readonly kind: 'passedOver'; readonly reason: string };

export interface Source<T> {
  readonly name: string;
  readonly find: () => Promise<Outcome<T>>;
}

export const found = <T>(value: T): Outcome<T> => ({ kind: 'found', value });
export const passedOver = (reason: string): Outcome<never> => ({ kind: 'passedOver', reason });

/** For a source that may fail on its way: the error is the reason why it is passed over. */
export const unlessItFails = <T>(find: () => Promise<Outcome<T>>): Promise<Outcome<T>> =>
  find().catch((error: unknown) => passedOver(describe(error)));

/** fetch hides "getaddrinfo ENOTFOUND github.com" in the cause. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && !error.message.includes(error.cause.message)
    ? `${error.message} (${error.cause.message})`
    : error.message;
}

/** Asks the sources in order until one has `wanted`; throws one error with every reason and `advice`. */
export async function firstOf<T>(
  sources: readonly Source<T>[],
  progress: Progress,
  advice: string,
  wanted = 'Kubernetes control plane',
): Promise<T> {
  const reasons: string[] = [];
  for (const { name, find } of sources) {
    const outcome = await find();
    switch (outcome.kind) {
      case 'found':
        return outcome.value;
      case 'passedOver':
        progress(`${name}: ${outcome.reason}`);
        reasons.push(`  - ${name}: ${outcome.reason}`);
        break;
      default:
        outcome satisfies never;
    }
  }
  throw new Error(`No ${wanted} could be prepared:\n${reasons.join('\n')}\n${advice}`);
}
