// The pages of the documentation, as tests and `npm run generate` read them.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Paths of all pages, from the root of the repository. */
export const PAGES: readonly string[] = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'SECURITY.md',
  'bench/README.md',
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => join('docs', file))
    .toSorted(),
];

export const readPage = (page: string): string => readFileSync(join(ROOT, page), 'utf8');

/** A fenced block of a page. */
export interface Block {
  readonly language: string;
  readonly text: string;
  /** `docs/faq.md:12`, the line of its fence. */
  readonly place: string;
}

export function blocksOf(page: string): readonly Block[] {
  const text = readPage(page);
  return [...text.matchAll(FENCED)].map(({ 1: indent = '', 2: language = '', 3: content = '', index }) => ({
    language,
    text: content.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
    place: `${page}:${text.slice(0, index).split('\n').length}`,
  }));
}

/** Also one that belongs to an item of a list, and is indented. */
const FENCED = /^( *)```(\w*)[^\n]*\n(.*?)^\1```/gms;

/** A page without its fenced blocks, whose `#` and brackets are no headings and links. */
const prose = (page: string): string => readPage(page).replaceAll(FENCED, '');

/** The fragments that lead to the headings of a page, as GitHub makes them. */
export function anchorsOf(page: string): ReadonlySet<string> {
  const seen = new Map<string, number>();
  const anchors = new Set<string>();
  for (const [, heading = ''] of prose(page).matchAll(/^#{1,6} +(.+?) *$/gm)) {
    const plain = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1');
    const slug = plain
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\p{M}_ -]/gu, '')
      .replaceAll(' ', '-');
    const before = seen.get(slug) ?? 0;
    seen.set(slug, before + 1);
    anchors.add(before === 0 ? slug : `${slug}-${before}`);
  }
  for (const [, name = ''] of prose(page).matchAll(/<a (?:id|name)="([^"]+)"/g)) anchors.add(name);
  return anchors;
}

/** Targets of the links and images of a page that are no addresses, for example `faq.md#cost`. */
export const linksOf = (page: string): readonly string[] =>
  [
    ...prose(page)
      .replaceAll(/`[^`\n]*`/g, '')
      .matchAll(/\]\(([^)\s]+)\)|(?:src|srcset|href)="([^"]+)"/g),
  ]
    .map(([, markdown, html]) => markdown ?? html ?? '')
    .filter((link) => !/^[a-z]+:/.test(link));

/** An object of our kinds that a page shows whole. */
export interface Example {
  readonly place: string;
  readonly object: {
    readonly apiVersion?: string;
    readonly kind: string;
    readonly metadata: { readonly name: string; readonly namespace?: string };
    readonly spec: unknown;
  };
}

/** Objects of our kinds in the YAML blocks of a page, and in the here-documents of its shell blocks. */
export const examplesOf = (page: string): readonly Example[] =>
  blocksOf(page).flatMap(({ language, text, place }) =>
    manifestsIn(language, text)
      .flatMap((manifest) => parseAllDocuments(manifest))
      .map((document) => document.toJS() as Example['object'] | undefined)
      .flatMap((object) =>
        object?.apiVersion?.startsWith('federatedidentity.dev/') === true ? [{ place, object }] : [],
      ),
  );

function manifestsIn(language: string, text: string): readonly string[] {
  if (language === 'yaml') return [text];
  if (language !== 'sh') return [];
  return [...text.matchAll(/<<'?EOF'?\n(.*?)^EOF$/gms)].map(([, manifest = '']) => manifest);
}

/** Lines of the shell blocks of a page, continued ones joined, without here-documents. */
export const shellLinesOf = (page: string): readonly { readonly line: string; readonly place: string }[] =>
  blocksOf(page)
    .filter(({ language }) => language === 'sh')
    .flatMap(({ text, place }) =>
      text
        .replaceAll(/(<<'?EOF'?)\n.*?^EOF$/gms, '$1')
        .replaceAll(/\\\n\s*/g, '')
        .split('\n')
        .map((line) => ({ line, place })),
    );
