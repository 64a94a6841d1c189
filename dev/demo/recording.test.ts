import { readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { styleText } from 'node:util';
import { describe, expect, test } from 'vitest';
import { recordingOf } from './recording.ts';

const heading = styleText(['bold', 'cyan'], '1. A <cluster> & "more"', { validateStream: false });

const STORY = `
${heading}

$ kubectl get aop
  default   True
✓ it listens at http://127.0.0.1:43873 and logs to /tmp/federated-identity-x1/operator.log
`;

describe('a recording', () => {
  const svg = recordingOf(STORY, 'The <story>');

  test('shows every line, with its style, and nothing that XML would take for markup', () => {
    expect(svg).toContain('<tspan class="bold cyan">1. A &lt;cluster&gt; &amp; &quot;more&quot;</tspan>');
    expect(svg).toContain('>$ kubectl get aop</text>');
    expect(svg).toContain('>  default   True</text>'); // white space as it was
    expect(svg).toContain('<title>The &lt;story&gt;</title>');
    expect(svg.match(/<text /g)).toHaveLength(4);
  });

  test('names neither ports nor folders of the machine', () => {
    expect(svg).toContain('it listens at http://127.0.0.1:… and logs to …');
    expect(svg).not.toMatch(/43873|\/tmp/);
  });

  test('is the same each time', () => {
    expect(recordingOf(STORY, 'The <story>')).toBe(svg);
  });

  test('begins with an empty screen, shows one line after the other, and goes on from the end', () => {
    const [, cover = ''] = /@keyframes cover \{(.*)\}/.exec(svg) ?? [];
    const steps = [...cover.matchAll(/([\d.]+)%\{transform:translateY\((-?\d+)px\)\}/g)].map(([, percent, y]) => ({
      percent: Number(percent),
      y: Number(y),
    }));
    expect(steps[0]).toEqual({ percent: 0, y: 0 });
    expect(steps.at(-1)?.y).toBe(5 * 18);
    const percents = steps.map(({ percent }) => percent);
    expect(percents).toEqual(percents.toSorted((a, b) => a - b));
    expect(percents.at(-1)).toBeLessThan(100);
  });

  test('scrolls once the screen is full', () => {
    const long = recordingOf(Array.from({ length: 100 }, (_, index) => `line ${index}`).join('\n'), 'long');
    expect(long).toContain(`translateY(${-(100 - 27) * 18}px)`);
  });
});

describe('docs/demo.svg', () => {
  const file = fileURLToPath(new URL('../../docs/demo.svg', import.meta.url));
  const svg = readFileSync(file, 'utf8');

  test('is small, and tells the whole story', () => {
    expect(statSync(file).size).toBeLessThan(200_000);
    const chapters = [...svg.matchAll(/<tspan class="bold cyan">(\d+)\. /g)].map(([, number]) => Number(number));
    expect(chapters).toEqual(Array.from({ length: chapters.length }, (_, index) => index + 1));
    expect(svg).toMatch(/✓<\/tspan> The end\.|✓ The end\./);
  });

  test('has no script, no token, no secret and no path of a machine in it', () => {
    expect(svg).not.toMatch(/<script|\bon\w+=|javascript:|@import|url\((?!#)/i);
    expect(svg).not.toMatch(/eyJ[\w-]{10,}|SecretAccessKey|AWS_SECRET|A[SK]IA[A-Z0-9]{12}/);
    expect(svg).not.toMatch(/\/(?:tmp|home|root|Users|work)\//);
  });
});
