/** What was there when, as far back as a late reader can see. */
export class History<T> {
  #states: { readonly at: number; readonly value: T | undefined }[] = [];

  get current(): T | undefined {
    return this.#states.at(-1)?.value;
  }

  set(value: T | undefined, at: number): void {
    this.#states.push({ at, value });
    if (this.#states.length > 64) this.#states = this.#states.slice(-48);
  }

  asOf(at: number): T | undefined {
    return this.#states.findLast((state) => state.at <= at)?.value;
  }
}
