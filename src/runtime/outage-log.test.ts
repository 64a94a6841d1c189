import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { outageLog } from './outage-log.ts';

function telling(level = 'info') {
  const lines: Record<string, unknown>[] = [];
  const log = pino({ level }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  return { outage: outageLog(log, { path: '/items' }), lines };
}

const WARN = 40;
const ERROR = 50;
const refused = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
const fault = new TypeError("Cannot read properties of undefined (reading 'name')");

describe('the log of an outage', () => {
  test('tells ever more rarely, and of the recovery once', () => {
    const { outage, lines } = telling();
    for (let count = 0; count < 9; count += 1) outage.failed(refused, 10.4);
    outage.recovered();
    outage.recovered();
    expect(lines.map(({ failures }) => failures)).toEqual([1, 2, 4, 8, 9]);
    expect(lines[0]).toMatchObject({ level: WARN, path: '/items', detail: 'connect', retryInMs: 10 });
    expect(lines.at(-1)).toMatchObject({ msg: 'API server reachable again', failures: 9, faults: 0 });
  });

  test('calls a connection that fetch could not make an outage', () => {
    const { outage, lines } = telling();
    outage.failed(new TypeError('fetch failed', { cause: refused }), 10);
    expect(lines).toMatchObject([{ level: WARN, msg: 'API server cannot be reached, waiting' }]);
  });

  test.each([
    { name: 'by itself', error: fault },
    { name: 'as the cause of another error', error: new Error('list failed', { cause: fault }) },
  ])('tells a fault of the program $name as an error, with its stack', ({ error }) => {
    const { outage, lines } = telling();
    outage.failed(error, 10);
    expect(lines).toMatchObject([
      { level: ERROR, path: '/items', faults: 1, msg: expect.stringContaining('fault of the operator itself') },
    ]);
    expect(JSON.stringify(lines[0])).toContain('outage-log.test.ts');
  });

  test('is not kept from telling a fault by an outage before it', () => {
    const { outage, lines } = telling();
    for (let count = 0; count < 2; count += 1) outage.failed(refused, 10);
    outage.failed(fault, 10);
    expect(lines.map(({ level }) => level)).toEqual([WARN, WARN, ERROR]);
  });

  test('does not fill the log with faults either, and tells their end', () => {
    const { outage, lines } = telling();
    for (let count = 0; count < 5; count += 1) outage.failed(fault, 10);
    outage.recovered();
    expect(lines.map(({ faults }) => faults)).toEqual([1, 2, 4, 5]);
    expect(lines.at(-1)).toMatchObject({ msg: 'the fault is over', failures: 0 });
  });
});
