/** Texts that are remembered at most. What objects have in common comes again at once, so that it is found after a clearing too. */
const MAX_TEXTS = 1_000;

/**
 * Lets objects hold the same copy of equal texts. JSON.parse makes a new one for each value, and of thousands of objects most
 * values are alike: names of kinds, reasons and messages of conditions, times, ARNs of policies.
 */
export class TextPool {
  readonly #texts = new Map<string, string>();

  /** Replaces the texts in a tree of JSON by equal ones that others hold too; nothing that can be seen changes. */
  share(tree: unknown): void {
    if (typeof tree !== 'object' || tree === null) return;
    for (const [key, value] of Object.entries(tree)) {
      if (typeof value === 'string') Reflect.set(tree, key, this.#pooled(value));
      else this.share(value);
    }
  }

  #pooled(text: string): string {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    if (this.#texts.size >= MAX_TEXTS) this.#texts.clear();
    this.#texts.set(text, text);
    return text;
  }
}
