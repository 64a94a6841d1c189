/** What a replica exported over time. */
export interface Recording {
  /** Seconds from the beginning, one for each scrape. */
  readonly times: readonly number[];
  /** What was done to it, and from when on. */
  readonly events: readonly { readonly at: number; readonly title: string }[];
  /** Series as in the text of a scrape, to its values; null where it was not there. */
  readonly series: Readonly<Record<string, readonly (number | null)[]>>;
}

interface Line {
  readonly name: string;
  readonly colour: Colour;
  /** One for each time of the recording; null leaves a gap. */
  readonly values: readonly (number | null)[];
}

interface Graph {
  readonly title: string;
  readonly lines: readonly Line[];
}

type Colour = 'green' | 'blue' | 'orange' | 'red' | 'violet';

const WIDTH = 460;
const HEIGHT = 250;
const GAP = 20;
const CAPTION = 24;
/** Of a graph, around its plot. */
const MARGIN = { left: 42, right: 12, top: 34, bottom: 58 };

/** The main panels of the dashboard as an SVG that is readable on light and dark ground. Pure. */
export function picture(recording: Recording): string {
  const graphs = graphsOf(recording);
  const rows = Math.ceil(graphs.length / 2);
  const [width, height] = [2 * WIDTH + 3 * GAP, rows * (HEIGHT + GAP) + GAP + CAPTION];
  const placed = graphs.map((graph, index) => {
    const [x, y] = [GAP + (index % 2) * (WIDTH + GAP), GAP + Math.floor(index / 2) * (HEIGHT + GAP)];
    return `<g transform="translate(${x} ${y})">\n${draw(graph, recording)}\n</g>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    '<title>Metrics of the operator while identities are made, AWS throttles, roles are changed by hand and credentials expire</title>',
    STYLE,
    `<rect class="ground" width="${width}" height="${height}" rx="8"/>`,
    ...placed,
    `<text x="${GAP}" y="${height - GAP}">${captionOf(recording)}</text>`,
    '</svg>',
    '',
  ].join('\n');
}

const captionOf = ({ events }: Recording): string =>
  events.map(({ title }, index) => `${index + 1} ${title}`).join('  ·  ');

const STYLE = `<style>
text { font: 11px system-ui, sans-serif; fill: #57606a; }
.title { font-weight: 600; font-size: 13px; fill: #24292f; }
.ground { fill: #ffffff; }
.frame { fill: none; stroke: #d0d7de; }
.grid { stroke: #d0d7de; stroke-width: .5; }
.event { stroke: #57606a; stroke-dasharray: 2 3; }
path { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
.green { stroke: #1a7f37; } .blue { stroke: #0969da; } .orange { stroke: #bc4c00; } .red { stroke: #cf222e; } .violet { stroke: #8250df; }
@media (prefers-color-scheme: dark) {
  text { fill: #9da7b3; }
  .title { fill: #e6edf3; }
  .ground { fill: #0d1117; }
  .frame, .grid { stroke: #30363d; }
  .event { stroke: #9da7b3; }
  .green { stroke: #56d364; } .blue { stroke: #79c0ff; } .orange { stroke: #ffa657; } .red { stroke: #ff7b72; } .violet { stroke: #d2a8ff; }
}
</style>`;

function graphsOf(recording: Recording): readonly Graph[] {
  const line = (name: string, colour: Colour, pattern: RegExp): Line => ({
    name,
    colour,
    values: sum(recording, pattern),
  });
  const rate = (name: string, colour: Colour, pattern: RegExp): Line => ({
    name,
    colour,
    values: rateOf(sum(recording, pattern), recording.times),
  });
  return [
    {
      title: 'Identities by Ready',
      lines: [
        line('True', 'green', /condition="Ready",status="True"/),
        line('Unknown: takes its time', 'blue', /condition="Ready",status="Unknown"/),
        line('False', 'red', /condition="Ready",status="False"/),
      ],
    },
    {
      title: 'Calls to AWS a second',
      lines: [
        rate('OK', 'green', /^aws_api_requests_total.*code="OK"/),
        rate('throttled', 'orange', /^aws_api_requests_total.*code="Throttling/),
        rate('other errors', 'red', /^aws_api_requests_total.*code="(?!OK|Throttling)/),
      ],
    },
    {
      title: 'Rate limit of the account',
      lines: [
        line('allowed calls a second', 'violet', /^aws_rate_limit_calls_per_second/),
        line('calls that wait', 'blue', /^aws_rate_limit_waiting_calls/),
      ],
    },
    {
      title: 'Drift and queue',
      lines: [
        line('drift repaired, in all', 'orange', /^federated_identity_drift_repaired_total/),
        line('longest wait in the queue, s', 'blue', /^workqueue_oldest_wait_seconds/),
      ],
    },
  ];
}

/** The sum of all series that fit, at each time. */
export const sum = ({ times, series }: Recording, pattern: RegExp): readonly (number | null)[] => {
  const found = Object.entries(series).filter(([name]) => pattern.test(name));
  return times.map((_, index) => found.reduce((total, [, values]) => total + (values[index] ?? 0), 0));
};

const RATE_OVER = 5;

/** The rate of a counter a second, over some scrapes. */
export const rateOf = (values: readonly (number | null)[], times: readonly number[]): readonly (number | null)[] =>
  values.map((value, index) => {
    const from = Math.max(0, index - RATE_OVER);
    const [before, since] = [values[from] ?? null, times[from] ?? 0];
    if (value === null || before === null || from === index) return null;
    return Math.max(0, value - before) / ((times[index] ?? 0) - since);
  });

function draw({ title, lines }: Graph, { times, events }: Recording): string {
  const plot = { width: WIDTH - MARGIN.left - MARGIN.right, height: HEIGHT - MARGIN.top - MARGIN.bottom };
  const last = times.at(-1) ?? 1;
  const top = roundUp(Math.max(1, ...lines.flatMap(({ values }) => values.map((value) => value ?? 0))));
  const x = (seconds: number): string => (MARGIN.left + (seconds / last) * plot.width).toFixed(1);
  const y = (value: number): string => (MARGIN.top + plot.height * (1 - value / top)).toFixed(1);
  const grid = [0, 0.5, 1].map((part) => {
    const at = y(part * top);
    const label = `<text x="${MARGIN.left - 6}" y="${Number(at) + 4}" text-anchor="end">${part * top}</text>`;
    return `<line class="grid" x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${at}" y2="${at}"/>${label}`;
  });
  const minutes = Array.from({ length: Math.floor(last / 60) + 1 }, (_, minute) => {
    const label = minute === 0 ? '0' : `${minute} min`;
    return `<text x="${x(minute * 60)}" y="${HEIGHT - MARGIN.bottom + 16}" text-anchor="middle">${label}</text>`;
  });
  const marks = events.map(({ at, title: event }, index) => {
    const tip = `<title>${event}</title>`;
    const number = `<text x="${Number(x(at)) + 3}" y="${MARGIN.top + 10}">${index + 1}${tip}</text>`;
    return `<line class="event" x1="${x(at)}" x2="${x(at)}" y1="${MARGIN.top}" y2="${MARGIN.top + plot.height}">${tip}</line>${number}`;
  });
  const paths = lines.map(({ colour, values }) => `<path class="${colour}" d="${pathOf(values, times, { x, y })}"/>`);
  let left = MARGIN.left;
  const legend = lines.map(({ name, colour }) => {
    const at = left;
    left += 34 + name.length * 6.2;
    const baseline = HEIGHT - 16;
    return `<path class="${colour}" d="M${at} ${baseline - 4}h14"/><text x="${at + 19}" y="${baseline}">${name}</text>`;
  });
  const frame = `<rect class="frame" x=".5" y=".5" width="${WIDTH - 1}" height="${HEIGHT - 1}" rx="6"/>`;
  return [
    frame,
    `<text class="title" x="12" y="21">${title}</text>`,
    ...grid,
    ...minutes,
    ...marks,
    ...paths,
    ...legend,
  ].join('\n');
}

interface Scales {
  readonly x: (seconds: number) => string;
  readonly y: (value: number) => string;
}

function pathOf(values: readonly (number | null)[], times: readonly number[], { x, y }: Scales): string {
  let path = '';
  for (const [index, value] of values.entries()) {
    if (value === null) continue;
    path += `${index === 0 || values[index - 1] === null ? 'M' : 'L'}${x(times[index] ?? 0)} ${y(value)}`;
  }
  return path;
}

/** The next of 1, 2, 4, 6, 8, 10, 20, 40, … */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 4, 6, 8, 10].find((step) => step * power >= value) ?? 10) * power;
}
