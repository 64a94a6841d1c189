import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { IssuerUrl } from '../iam/arn.ts';
import { DISCOVERY_PATH, documentText, JWKS_PATH, parseDocument } from '../oidc/published-documents.ts';
import { type Jwk, MAX_KEYS, publishedKeys } from '../oidc/published-keys.ts';
import { CliError } from './failures.ts';
import { type IssuerFile, issuerFiles } from './jwks-files.ts';

interface Folder {
  readonly folder: string;
  readonly issuer: IssuerUrl;
  readonly served: readonly Jwk[];
  readonly keepPrevious: boolean;
}

/**
 * Writes the two files of an issuer, the keys first and each in one step, so that a server never shows half a file. Throws
 * a CliError where that would take away keys, or another issuer's document.
 */
export async function writeIssuerFiles({
  folder,
  issuer,
  served,
  keepPrevious,
}: Folder): Promise<readonly IssuerFile[]> {
  const earlier = otherKeys(await readText(join(folder, JWKS_PATH)), served, folder);
  if (earlier.length > 0 && !keepPrevious) throw new CliError(wouldLose(folder, earlier));
  checkIssuer(await readText(join(folder, DISCOVERY_PATH)), issuer, folder);
  const keys = [...served, ...earlier].toSorted((a, b) => (a.kid < b.kid ? -1 : 1));
  if (keys.length > MAX_KEYS) {
    throw new CliError(`that would be ${keys.length} keys, and AWS takes ${MAX_KEYS}: write into a new folder`);
  }
  const files = issuerFiles(issuer, keys);
  for (const { path, content } of files) await replaceFile(join(folder, path), documentText(content));
  return files;
}

/** Keys of the file that the cluster does not serve. */
function otherKeys(text: string | undefined, served: readonly Jwk[], folder: string): readonly Jwk[] {
  if (text === undefined) return [];
  const keys = publishedKeys(parseDocument(text));
  if (keys === undefined) throw new CliError(`${folder}${JWKS_PATH} is no JSON Web Key Set: move it away first`);
  return keys.filter(({ kid }) => !served.some((key) => key.kid === kid));
}

const wouldLose = (folder: string, keys: readonly Jwk[]): string =>
  `${folder}${JWKS_PATH} has keys that this cluster does not serve (${keys.map(({ kid }) => kid).join(', ')}), and AWS would refuse running tokens that are signed with them. ` +
  'Keep them by --keep-previous. If no token of the last 24 hours is signed with them, or they are of another cluster, write into a new folder.';

function checkIssuer(text: string | undefined, issuer: IssuerUrl, folder: string): void {
  if (text === undefined) return;
  const document = parseDocument(text);
  const earlier =
    typeof document === 'object' && document !== null && 'issuer' in document ? document.issuer : undefined;
  if (earlier === issuer) return;
  throw new CliError(
    `${folder}${DISCOVERY_PATH} is of another issuer (${JSON.stringify(earlier ?? null)}, not ${JSON.stringify(issuer)}): write into a folder of its own`,
  );
}

async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new CliError(`cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

async function replaceFile(file: string, text: string): Promise<void> {
  const temporary = `${file}.${process.pid}.new`;
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(temporary, text);
    await rename(temporary, file);
  } catch (error) {
    throw new CliError(`cannot write ${file}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}
