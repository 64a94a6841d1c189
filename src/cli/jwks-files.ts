import type { IssuerUrl } from '../iam/arn.ts';
import {
  DISCOVERY_PATH,
  discoveryDocument,
  DOCUMENT_HEADERS,
  documentText,
  documentUrl,
  JWKS_PATH,
  jwksDocument,
} from '../oidc/published-documents.ts';
import type { Jwk } from '../oidc/published-keys.ts';

/** A file, and how it must be served. */
export interface IssuerFile {
  /** Below the folder that the server shows under the issuer, without a slash at its begin. */
  readonly path: string;
  readonly url: string;
  readonly content: Readonly<Record<string, unknown>>;
}

/** The two files of an issuer in the order in which they must appear: the keys, then the document that points to them. */
export const issuerFiles = (issuer: IssuerUrl, keys: readonly Jwk[]): readonly IssuerFile[] =>
  [
    { path: JWKS_PATH, content: { ...jwksDocument(keys) } },
    { path: DISCOVERY_PATH, content: discoveryDocument(issuer, keys) },
  ].map(({ path, content }) => ({ path: path.slice(1), url: documentUrl(issuer, path), content }));

const HEADERS: Readonly<Record<string, string>> = {
  'Content-Type': DOCUMENT_HEADERS.contentType,
  'Cache-Control': DOCUMENT_HEADERS.cacheControl,
};

/** For programs: what to serve where. */
export const jwksJson = (issuer: IssuerUrl, files: readonly IssuerFile[]): string =>
  documentText({ issuer, files: files.map((file) => ({ ...file, headers: HEADERS })) });

/** For people: the files, or where they lie now, and how to serve them. */
export function jwksText(issuer: IssuerUrl, files: readonly IssuerFile[], folder: string | undefined): string {
  const shown = files.map(({ path, url, content }) =>
    folder === undefined ? `# ${url}\n${documentText(content)}` : `${folder}/${path}\n  ${url}\n`,
  );
  const headers = Object.entries(HEADERS).map(([name, value]) => `  ${name}: ${value}\n`);
  const count = Array.isArray(files[0]?.content['keys']) ? files[0].content['keys'].length : 0;
  return [
    ...shown,
    `\nServe both to everybody by HTTPS on port 443, without redirects, with these headers:\n`,
    ...headers,
    `Issuer ${issuer}, ${count} ${count === 1 ? 'key' : 'keys'}. Check: curl -i ${files[1]?.url ?? issuer}\n`,
  ].join('');
}
