/** A file of an archive, owned by root. Its folders need no entries of their own. */
export interface ArchiveFile {
  /** Relative, with forward slashes. At most 100 bytes. */
  readonly path: string;
  /** Permission bits, as in 0o755. */
  readonly mode: number;
  readonly content: Buffer;
}

const BLOCK = 512;

/**
 * A tar archive (POSIX ustar) of regular files, in the order given. Without times and owners, so that the same files
 * make the same bytes. Throws on a path that has no room in a header.
 */
export function tar(files: readonly ArchiveFile[]): Buffer {
  const blocks = files.flatMap((file) => [header(file), file.content, padding(file.content.length)]);
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]);
}

function header({ path, mode, content }: ArchiveFile): Buffer {
  if (Buffer.byteLength(path) > 100) throw new Error(`${path} is too long for a tar header, 100 bytes are the most`);
  const block = Buffer.alloc(BLOCK);
  block.write(path, 0);
  block.write(octal(mode, 8), 100);
  block.write(octal(0, 8), 108); // user
  block.write(octal(0, 8), 116); // group
  block.write(octal(content.length, 12), 124);
  block.write(octal(0, 12), 136); // time
  block.write(' '.repeat(8), 148); // the checksum counts itself as spaces
  block.write('0', 156); // a regular file
  block.write('ustar\u{0}00', 257);
  const checksum = block.reduce((sum, byte) => sum + byte, 0);
  block.write(`${checksum.toString(8).padStart(6, '0')}\u{0} `, 148);
  return block;
}

/** A field of `width` bytes: octal digits and a NUL. */
const octal = (value: number, width: number): string => `${value.toString(8).padStart(width - 1, '0')}\u{0}`;

const padding = (length: number): Buffer => Buffer.alloc((BLOCK - (length % BLOCK)) % BLOCK);
