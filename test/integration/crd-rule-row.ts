export type Spec = Readonly<Record<string, unknown>>;

/** A rule or bound of the API: the first value that the API server refuses, its words, and a value beside it that it takes. */
export interface Row {
  readonly rule: string;
  readonly refused: Spec;
  readonly because: string;
  readonly accepted: Spec;
}

export const row = (rule: string, refused: Spec, because: string, accepted: Spec): Row => ({
  rule,
  refused,
  because,
  accepted,
});
