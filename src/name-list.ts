/** Names for people to read, the first `most` of them: `a, b and 3 more`. */
export function nameList(names: readonly string[], most: number): string {
  const shown = names.slice(0, most).join(', ');
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}
