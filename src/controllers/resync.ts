/** What a controller that looks at AWS again knows of time and chance. */
export interface Resync {
  readonly settings: { readonly resyncIntervalMs: number };
  readonly random: () => number;
}

/** Milliseconds until the next look: within the resync interval, a little sooner by chance, so that what started together parts. */
export const resyncInMs = ({ settings, random }: Resync): number =>
  settings.resyncIntervalMs * (0.95 + 0.05 * random());
