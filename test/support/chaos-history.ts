/** What a ServiceAccount asks for. Times are milliseconds of `performance.now()`. */
export type Claim =
  | { readonly kind: 'none' }
  | { readonly kind: 'role'; readonly roleArn: string; readonly by: 'identity' | 'annotation' };

const TOLD_BEFORE_MS = 60_000;
const TOLD_AFTER_MS = 10_000;

interface Change {
  readonly to: Claim;
  /** The first write that asks for it was sent. */
  readonly begun: number;
  /** A new role: the write was answered. A role that goes: nothing of it is left in the cluster. */
  readonly ended: number;
}

interface Sight {
  readonly at: number;
  readonly entry: string | undefined;
}

/** What was true of one ServiceAccount, and when. */
export class History {
  readonly namespace: string;
  readonly name: string;
  readonly #changes: { readonly to: Claim; readonly begun: number; ended: number }[] = [
    { to: { kind: 'none' }, begun: -Infinity, ended: -Infinity },
  ];
  readonly #sights: Sight[] = [{ at: -Infinity, entry: undefined }];
  readonly #notes: { readonly at: number; readonly text: string }[] = [];
  #lookedAt = -Infinity;

  constructor(namespace: string, name: string) {
    this.namespace = namespace;
    this.name = name;
  }

  /** To be called before the write; the result ends the change. */
  begin(to: Claim, note: string): () => void {
    const change = { to, begun: performance.now(), ended: Infinity };
    this.#changes.push(change);
    this.note(`${note} begins`);
    return () => {
      change.ended = performance.now();
      this.note(`${note} ended`);
    };
  }

  note(text: string): void {
    this.#notes.push({ at: performance.now(), text });
  }

  /** The injection table said this of the ServiceAccount, to a question that was sent at `asked`. */
  see(entry: string | undefined, asked: number): void {
    this.#lookedAt = asked;
    if (entry === this.#sights.at(-1)?.entry) return;
    this.#sights.push({ at: performance.now(), entry });
    this.note(`entry: ${entry ?? 'none'}`);
  }

  /** The table was asked after this moment, and has no entry. */
  hasNoEntrySince(moment: number): boolean {
    return this.#lookedAt > moment && this.#sights.at(-1)?.entry === undefined;
  }

  get claim(): Claim {
    return this.#changes.at(-1)?.to ?? { kind: 'none' };
  }

  changesDuring({ begun, ended }: Span): boolean {
    return this.#changes.some((change) => change.begun <= ended && change.ended >= begun);
  }

  /** The last change before this moment. */
  changeBefore(moment: number): Change {
    const [first] = this.#changes;
    return this.#changes.findLast(({ begun }) => begun < moment) ?? first!;
  }

  /** What the table was last seen to say before this moment, and since when. */
  sightBefore(moment: number): Sight {
    const [first] = this.#sights;
    return this.#sights.findLast(({ at }) => at <= moment) ?? first!;
  }

  /** When the table was first seen to say something like this, after a moment. */
  firstSight(after: number, isWanted: (entry: string) => boolean): number {
    return this.#sights.find(({ at, entry }) => at >= after && entry !== undefined && isWanted(entry))?.at ?? Infinity;
  }

  /** When an entry that was there before the span and seen missing in it was seen again; undefined if that was not so. */
  returnAfter({ begun, ended }: Span): number | undefined {
    if (this.sightBefore(begun).entry === undefined) return undefined;
    const missing = this.#sights.find(({ at, entry }) => at >= begun && at <= ended && entry === undefined);
    return missing && this.firstSight(missing.at, () => true);
  }

  hasHadRole(roleArn: string): boolean {
    return this.#changes.some(({ to }) => to.kind === 'role' && to.roleArn === roleArn);
  }

  /** What happened around this moment, line by line. */
  around(moment: number): string {
    const near = this.#notes.filter(({ at }) => at > moment - TOLD_BEFORE_MS && at < moment + TOLD_AFTER_MS);
    const lines = near.map(({ at, text }) => `    ${at.toFixed(0)} ${text}`);
    return [`${this.namespace}/${this.name}:`, ...lines].join('\n');
  }
}

export interface Span {
  readonly begun: number;
  readonly ended: number;
}

export const overlap = (one: Span, other: Span): boolean => one.begun <= other.ended && other.begun <= one.ended;

/** What happened to the whole cluster. */
export interface Disruptions {
  /** From the kill of the API server until it said that it was ready. */
  readonly restarts: Span[];
  /** From the deletion of a table with the operator's rights until the entries of steady ServiceAccounts were back. */
  readonly lostTables: (Span & { readonly namespace: string })[];
}
