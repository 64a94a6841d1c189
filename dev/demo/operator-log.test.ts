import { expect, test } from 'vitest';
import { logLine } from './operator-log.ts';

const TIME = Date.UTC(2026, 0, 2, 3, 4, 5);

test.each([
  {
    name: 'a change says who, what and which',
    line: {
      level: 30,
      time: TIME,
      object: 'a/b',
      reconcileId: 'x',
      controller: 'c',
      msg: 'changed IAM role',
      action: 'CreateRole',
    },
    expected: '03:04:05 info  a/b changed IAM role action=CreateRole',
  },
  {
    name: 'a cluster-scoped object has no slash',
    line: { level: 40, time: TIME, object: '/default', msg: 'repaired drift', fields: ['role.tags'] },
    expected: '03:04:05 warn  default repaired drift fields=["role.tags"]',
  },
  {
    name: 'a failure ends in its message',
    line: { level: 50, time: TIME, msg: 'reconcile failed', err: { type: 'Error', message: 'no role', stack: 'at …' } },
    expected: '03:04:05 error reconcile failed: no role',
  },
])('$name', ({ line, expected }) => {
  expect(logLine(JSON.stringify(line))).toBe(expected);
});

test('what is no JSON (a crash of Node) is shown as it is', () => {
  expect(logLine('Error: boom')).toBe('Error: boom');
  expect(logLine('{ half')).toBe('{ half');
});
