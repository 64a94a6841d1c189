/**
 * Whether `text` matches `pattern` as a whole, where `*` stands for any characters. Linear in time, whatever the pattern:
 * a tenant's ARN can never make it slow.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  const [head = '', ...rest] = pattern.split('*');
  const tail = rest.pop();
  if (tail === undefined) return head === text;
  if (!text.startsWith(head) || text.length < head.length + tail.length || !text.endsWith(tail)) return false;
  let position = head.length;
  const end = text.length - tail.length;
  for (const part of rest) {
    const found = text.indexOf(part, position);
    if (found === -1 || found + part.length > end) return false;
    position = found + part.length;
  }
  return true;
}
