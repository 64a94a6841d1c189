import * as z from 'zod';

/**
 * As z.array and z.record of strings, for what a stranger may send: the first item that does not fit ends the look. Theirs make an
 * issue for each, which are a gigabyte and ten seconds for half a million of them.
 */
export const listOf = <Item extends z.ZodType>(item: Item) =>
  z.unknown().transform((list, context): readonly z.output<Item>[] => {
    if (!Array.isArray(list)) return refuse(context, [], 'is no list');
    const items: z.output<Item>[] = [];
    for (const [index, value] of list.entries()) {
      const { success, data, error } = item.safeParse(value);
      const [{ path = [], message = '' } = {}] = error?.issues ?? [];
      if (!success) return refuse(context, [index, ...path], message);
      items.push(data);
    }
    return items;
  });

/** Texts by name; a member `__proto__` is none. */
export const textsByName = z.unknown().transform((object, context): Readonly<Record<string, string>> => {
  if (typeof object !== 'object' || object === null || Array.isArray(object))
    return refuse(context, [], 'is no object');
  const texts: Record<string, string> = {};
  for (const [name, text] of Object.entries(object)) {
    if (typeof text !== 'string') return refuse(context, [name], 'is no string');
    if (name !== '__proto__') texts[name] = text;
  }
  return texts;
});

function refuse(context: z.RefinementCtx, path: PropertyKey[], message: string): never {
  context.issues.push({ code: 'custom', path, message, input: undefined });
  return z.NEVER;
}
