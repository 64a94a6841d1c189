/** How urgent a key is: a change that somebody waits for, an object that is new, and work that nobody waits for. */
export const PRIORITIES = ['change', 'new', 'background'] as const;
export type Priority = (typeof PRIORITIES)[number];

export const moreUrgent = (a: Priority, b: Priority): Priority =>
  PRIORITIES.indexOf(a) < PRIORITIES.indexOf(b) ? a : b;

/** Each so many keys, one of a less urgent lane goes first, so that a flood of changes cannot starve the rest. */
const COURTESY = 8;
/** Both of them by turns, so that a full background cannot starve what is new. */
const COURTESIES: readonly (readonly Priority[])[] = [
  ['new', 'background', 'change'],
  ['background', 'new', 'change'],
];

/**
 * Keys `namespace/name` that wait: the most urgent first, and among equally urgent ones a key of each namespace in turn, so
 * that a namespace with thousands does not hold up one with a single key. All operations take constant time on average.
 */
export class FairLine<Key extends string> {
  readonly #lanes: Readonly<Record<Priority, Lane<Key>>> = {
    change: new Lane(),
    new: new Lane(),
    background: new Lane(),
  };
  /** What counts: entries of lanes that disagree are left over from a promotion, and skipped. */
  readonly #waiting = new Map<Key, { readonly priority: Priority; readonly since: number }>();
  #taken = 0;

  get size(): number {
    return this.#waiting.size;
  }

  has(key: Key): boolean {
    return this.#waiting.has(key);
  }

  /** The time at which the key that waits longest was added; undefined for an empty line. Looks at every key. */
  oldest(): number | undefined {
    return this.#waiting
      .values()
      .reduce<number | undefined>((oldest, { since }) => Math.min(oldest ?? since, since), undefined);
  }

  /** Adds a key, or makes one that waits more urgent. `since` in ms; the first one of a waiting key stays. */
  add(key: Key, priority: Priority, since: number): void {
    const present = this.#waiting.get(key);
    if (present !== undefined && moreUrgent(present.priority, priority) === present.priority) return;
    this.#waiting.set(key, { priority, since: present?.since ?? since });
    this.#lanes[priority].push(key);
  }

  /** Removes the next key; undefined for an empty line. */
  shift(): { readonly key: Key; readonly since: number } | undefined {
    this.#taken += 1;
    const courtesy =
      this.#taken % COURTESY === 0 ? COURTESIES[(this.#taken / COURTESY) % COURTESIES.length] : undefined;
    for (const priority of courtesy ?? PRIORITIES) {
      const next = this.#shiftFrom(priority);
      if (next !== undefined) return next;
    }
    return undefined;
  }

  clear(): void {
    this.#waiting.clear();
    for (const priority of PRIORITIES) this.#lanes[priority].clear();
  }

  #shiftFrom(priority: Priority): { readonly key: Key; readonly since: number } | undefined {
    for (let key = this.#lanes[priority].shift(); key !== undefined; key = this.#lanes[priority].shift()) {
      const entry = this.#waiting.get(key);
      if (entry?.priority !== priority) continue;
      this.#waiting.delete(key);
      return { key, since: entry.since };
    }
    return undefined;
  }
}

/** One queue for each namespace, and the namespaces in turn. */
class Lane<Key extends string> {
  readonly #queues = new Map<string, Fifo<Key>>();
  readonly #turns = new Fifo<string>();

  push(key: Key): void {
    const namespace = key.slice(0, Math.max(key.indexOf('/'), 0));
    const queue = this.#queues.get(namespace);
    if (queue !== undefined) return queue.push(key);
    const first = new Fifo<Key>();
    first.push(key);
    this.#queues.set(namespace, first);
    this.#turns.push(namespace);
  }

  shift(): Key | undefined {
    const namespace = this.#turns.shift();
    const queue = namespace === undefined ? undefined : this.#queues.get(namespace);
    if (namespace === undefined || queue === undefined) return undefined;
    const key = queue.shift();
    if (queue.isEmpty) this.#queues.delete(namespace);
    else this.#turns.push(namespace);
    return key;
  }

  clear(): void {
    this.#queues.clear();
    this.#turns.clear();
  }
}

/** An array that is read from its head. `Array.shift` moves all the others, and a Map keeps what was deleted at its head. */
class Fifo<Item> {
  #items: Item[] = [];
  #head = 0;

  get isEmpty(): boolean {
    return this.#head === this.#items.length;
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  shift(): Item | undefined {
    const item = this.#items[this.#head];
    if (!this.isEmpty) this.#head += 1;
    if (this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  clear(): void {
    this.#items = [];
    this.#head = 0;
  }
}
