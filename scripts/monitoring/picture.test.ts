import { expect, test } from 'vitest';
import { picture, rateOf, sum } from './picture.ts';

const recording = {
  times: [0, 2, 4],
  events: [{ at: 2, title: 'a storm' }],
  series: {
    'aws_api_requests_total{code="OK"}': [0, 10, 30],
    'aws_api_requests_total{code="Throttling"}': [null, 4, 4],
  },
};

test('series that fit are summed, those that were not there yet count as nothing', () => {
  expect(sum(recording, /^aws_api_requests_total/)).toEqual([0, 14, 34]);
});

test('a rate is that of the last scrapes', () => {
  expect(rateOf([0, 10, 30], recording.times)).toEqual([null, 5, 7.5]);
});

test('the picture names its events and lines, and has colours for dark ground', () => {
  const svg = picture(recording);
  for (const text of ['1 a storm', 'throttled', 'prefers-color-scheme: dark']) expect(svg).toContain(text);
  expect(svg).not.toMatch(/NaN|undefined|Infinity/);
});
