import fc from 'fast-check';

/** JSON of any shape with the words of a language as its keys and some of its values. */
export const jsonWith = (words: readonly string[]): fc.Arbitrary<string> => {
  const word = fc.constantFrom(...words);
  const { any } = fc.letrec<{ any: unknown; leaf: unknown }>((tie) => ({
    any: fc.oneof(
      { maxDepth: 6, withCrossShrink: true },
      tie('leaf'),
      fc.array(tie('any'), { maxLength: 4 }),
      fc.dictionary(fc.oneof({ weight: 8, arbitrary: word }, { weight: 1, arbitrary: fc.string() }), tie('any'), {
        maxKeys: 6,
      }),
    ),
    leaf: fc.oneof(
      { weight: 6, arbitrary: word },
      fc.string({ unit: 'binary' }),
      fc.double(),
      fc.boolean(),
      fc.constant(null),
    ),
  }));
  return any.map((value) => JSON.stringify(value) ?? 'null');
};
