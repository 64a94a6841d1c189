/** Lines of a transcript that no output has in this order; empty when it holds. */
export function missingLines(transcript: string, output: string): readonly string[] {
  const lines = output.split('\n').map(plain);
  const missing: string[] = [];
  let from = 0;
  for (const line of transcript.split('\n').filter((text) => text.trim() !== '')) {
    const pattern = patternOf(line);
    const found = lines.findIndex((candidate, index) => index >= from && pattern.test(candidate));
    if (found === -1) missing.push(line);
    else from = found + 1;
  }
  return missing;
}

/** What is another at each run looks the same: white space between columns, ages, and the hash in names of roles. */
const plain = (line: string): string =>
  line
    .trim()
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/(?<=\s|^)(?:\d+[smhd]){1,2}(?=\s|$)/g, '<age>')
    .replaceAll(/-[0-9a-f]{8}\b/g, '-<hash>');

/** `…` stands for anything. */
function patternOf(line: string): RegExp {
  const parts = plain(line)
    .split('…')
    .map((part) => RegExp.escape(part));
  return new RegExp(`^${parts.join('.*')}$`);
}
