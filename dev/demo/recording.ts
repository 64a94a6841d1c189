// The story as a picture that moves: an SVG for the README, of text alone, with no script in it.
import { cut, type Run, runsOf, type Style } from './ansi.ts';

const COLUMNS = 112;
const ROWS = 27;
const LINE_PX = 18;
const CHARACTER_PX = 7.83; // of a monospaced font of 13 px
const MARGIN_PX = 16;
const BAR_PX = 30;

/** Milliseconds that the last screen stays before the story begins again. */
const END_MS = 6000;

/** The story with what belongs to one run on one machine taken out: ports, folders and random numbers. */
const anonymous = (text: string): string =>
  text
    .replaceAll(/127\.0\.0\.1:\d+/g, '127.0.0.1:…')
    .replaceAll(/(?:\/[\w.-]+){2,}\/(?=node_modules|src|dev)/g, '')
    .replaceAll(/\/(?:tmp|home|root|Users|var\/folders)\/[^\s'"]*/g, '…')
    .replaceAll(/aws-sdk-js-session-\d+/g, 'aws-sdk-js-session-…');

/** Milliseconds before a line is shown, so that it can be read: recordings of a story that did not change are the same. */
function pauseBefore(text: string, previous: string): number {
  if (/^\d+\. /.test(text)) return 2200; // a chapter
  if (text === '') return 0;
  if (text.startsWith('$ ')) return 1000;
  if (text.startsWith('✓')) return 700;
  return previous.startsWith('$ ') ? 500 : 90;
}

interface Frame {
  readonly atMs: number;
  /** Lines that are shown from then on. */
  readonly lines: number;
}

function framesOf(texts: readonly string[]): { readonly frames: readonly Frame[]; readonly durationMs: number } {
  const frames: Frame[] = [{ atMs: 0, lines: 0 }];
  let atMs = 0;
  for (const [index, text] of texts.entries()) {
    atMs += pauseBefore(text, texts[index - 1] ?? '');
    frames.push({ atMs, lines: index + 1 });
  }
  return { frames, durationMs: atMs + END_MS };
}

/** The SVG of everything that was written to a terminal, with its colours; `title` is for those who can't see it. */
export function recordingOf(written: string, title: string): string {
  const lines = anonymous(written)
    .trim()
    .split('\n')
    .map((line) => cut(runsOf(line), COLUMNS));
  const { frames, durationMs } = framesOf(
    lines.map((runs) =>
      runs
        .map(({ text }) => text)
        .join('')
        .trimEnd(),
    ),
  );
  const width = Math.ceil(COLUMNS * CHARACTER_PX) + 2 * MARGIN_PX;
  const screen = ROWS * LINE_PX;
  const height = BAR_PX + screen + 2 * MARGIN_PX;
  const scrolled = (shown: number): number => -Math.max(0, shown - ROWS) * LINE_PX;
  const covered = (shown: number): number => Math.min(shown, ROWS) * LINE_PX;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" xml:space="preserve">
<title>${escaped(title)}</title>
<style>
${STYLE}
.story { transform: translateY(${scrolled(lines.length)}px); animation: story ${durationMs}ms step-end infinite; }
.cover { transform: translateY(${covered(lines.length)}px); animation: cover ${durationMs}ms step-end infinite; }
${keyframes('story', frames, durationMs, scrolled)}
${keyframes('cover', frames, durationMs, covered)}
@media (prefers-reduced-motion: reduce) { .story, .cover { animation: none; } }
</style>
<clipPath id="screen"><rect width="${width}" height="${screen + 6}"/></clipPath>
<rect class="window" width="${width}" height="${height}" rx="8"/>
${[0, 1, 2].map((index) => `<circle class="button" cx="${MARGIN_PX + 4 + index * 18}" cy="18" r="5"/>`).join('')}
<g transform="translate(0 ${BAR_PX + MARGIN_PX})" clip-path="url(#screen)">
<g class="story">
${lines
  .map((runs, index) => textOf(runs, index))
  .filter((text) => text !== '')
  .join('\n')}
</g>
<rect class="window cover" width="${width}" height="${screen + 6}"/>
</g>
</svg>
`;
}

const STYLE = `text { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; white-space: pre; fill: #24292f; }
.window { fill: #f6f8fa; }
.button { fill: #d0d7de; }
.bold { font-weight: 700; }
.dim { fill: #57606a; }
.red { fill: #b3261e; }
.green { fill: #116329; }
.cyan { fill: #0550ae; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .window { fill: #161b22; }
  .button { fill: #30363d; }
  .dim { fill: #9da7b3; }
  .red { fill: #ff7b72; }
  .green { fill: #56d364; }
  .cyan { fill: #79c0ff; }
}`;

/** One step for each change of a position over time. */
function keyframes(
  name: string,
  frames: readonly Frame[],
  durationMs: number,
  position: (lines: number) => number,
): string {
  const steps = new Map<string, number>();
  let last: number | undefined;
  for (const { atMs, lines } of frames) {
    const y = position(lines);
    if (y !== last) steps.set(((atMs / durationMs) * 100).toFixed(3), y);
    last = y;
  }
  const rules = [...steps].map(([percent, y]) => `${percent}%{transform:translateY(${y}px)}`);
  return `@keyframes ${name} {${rules.join('')}}`;
}

function textOf(runs: readonly Run[], index: number): string {
  if (runs.every(({ text }) => text.trim() === '')) return '';
  const y = index * LINE_PX + 13;
  return `<text x="${MARGIN_PX}" y="${y}">${runs.map(span).join('')}</text>`;
}

const span = ({ text, styles }: Run): string =>
  styles.length === 0 ? escaped(text) : `<tspan class="${classes(styles)}">${escaped(text)}</tspan>`;

const classes = (styles: readonly Style[]): string => styles.join(' ');

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
