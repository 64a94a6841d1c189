import { type Logger, pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { after, NOW } from '../../test/support/builders.ts';
import type { KubernetesClient } from './client.ts';
import { ApiError } from './errors.ts';
import { eventRecorder, type EventSubject, type ObjectEvent } from './events.ts';
import type { KubernetesResource, ObjectName, ResourceType } from './resource.ts';

const subject = (fields: object = {}): EventSubject => ({
  apiVersion: 'federatedidentity.dev/v1alpha1',
  kind: 'AwsFederatedIdentity',
  metadata: { namespace: 'analytics', name: 'reports', uid: 'uid-1', resourceVersion: '7', ...fields },
});

const event = (fields: Partial<ObjectEvent> = {}): ObjectEvent => ({
  type: 'Normal',
  reason: 'Succeeded',
  action: 'CreateRole',
  note: 'Created the role.',
  ...fields,
});

interface Write {
  readonly verb: 'create' | 'patch';
  readonly name: ObjectName;
  readonly body: object;
}

/** A recorder, its clock, its log, and an API server that answers each write as `answer` says. */
function setup(answer: (write: Write) => Promise<void> | void = () => {}) {
  const writes: Write[] = [];
  const lines: { level: number; code: unknown }[] = [];
  const receive = async (write: Write): Promise<void> => {
    writes.push(write);
    await answer(write);
  };
  const kubernetes: Pick<KubernetesClient, 'create' | 'mergePatch'> = {
    create: async <T extends KubernetesResource>(_type: ResourceType, object: T): Promise<T> => {
      const { namespace, name = '' } = object.metadata;
      await receive({ verb: 'create', name: { namespace, name }, body: object });
      return object;
    },
    mergePatch: (_type, name, patch) => receive({ verb: 'patch', name, body: { ...patch } }),
  };
  let time = NOW;
  const log: Logger = pino({ level: 'debug' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const recorder = eventRecorder({ kubernetes, now: () => time, reportingInstance: 'pod-a', log });
  const record = async (ms: number, what: EventSubject = subject(), which: ObjectEvent = event()): Promise<void> => {
    time = after(ms);
    recorder.record(what, which);
    await recorder.settled();
  };
  return { recorder, record, writes, lines };
}

const MINUTE = 60_000;

describe('eventRecorder', () => {
  test('an Event names its object, its time to the microsecond and its reporter', async () => {
    const { record, writes } = setup();
    await record(0);
    expect(writes).toEqual([
      {
        verb: 'create',
        name: { namespace: 'analytics', name: expect.stringMatching(/^reports\.[0-9a-f]{16}$/) },
        body: {
          metadata: { namespace: 'analytics', name: writes[0]?.name.name },
          eventTime: '2026-03-01T12:00:00.000000Z',
          regarding: {
            apiVersion: 'federatedidentity.dev/v1alpha1',
            kind: 'AwsFederatedIdentity',
            namespace: 'analytics',
            name: 'reports',
            uid: 'uid-1',
            resourceVersion: '7',
          },
          type: 'Normal',
          reason: 'Succeeded',
          action: 'CreateRole',
          note: 'Created the role.',
          reportingController: 'federatedidentity.dev/operator',
          reportingInstance: 'pod-a',
        },
      },
    ]);
  });

  test('the Event of a cluster-scoped object is in the namespace default', async () => {
    const { record, writes } = setup();
    await record(0, subject({ namespace: undefined, name: 'default' }));
    expect(writes[0]?.name.namespace).toBe('default');
  });

  test('repeats within 6 minutes of the last count up the series of the first', async () => {
    const { record, writes } = setup();
    await record(0);
    await record(5 * MINUTE);
    await record(10 * MINUTE);
    expect(writes.map(({ verb, name }) => [verb, name.name === writes[0]?.name.name])).toEqual([
      ['create', true],
      ['patch', true],
      ['patch', true],
    ]);
    expect(writes[2]?.body).toEqual({ series: { count: 3, lastObservedTime: '2026-03-01T12:10:00.000000Z' } });
  });

  test.each([
    { name: 'a repeat after 6 minutes', ms: 6 * MINUTE, what: subject(), which: event() },
    { name: 'another object', ms: 1, what: subject({ uid: 'uid-2' }), which: event() },
    { name: 'another reason', ms: 1, what: subject(), which: event({ reason: 'Deleting' }) },
    { name: 'another action', ms: 1, what: subject(), which: event({ action: 'DeleteRole' }) },
    { name: 'another type', ms: 1, what: subject(), which: event({ type: 'Warning' }) },
    { name: 'another note', ms: 1, what: subject(), which: event({ note: 'Created another.' }) },
  ])('$name is an Event of its own', async ({ ms, what, which }) => {
    const { record, writes } = setup();
    await record(0);
    await record(ms, what, which);
    expect(writes.map(({ verb }) => verb)).toEqual(['create', 'create']);
    expect(new Set(writes.map(({ name }) => name.name)).size).toBe(2);
  });

  test('the same object in a newer version is still the same', async () => {
    const { record, writes } = setup();
    await record(0);
    await record(1, subject({ resourceVersion: '8' }));
    expect(writes.map(({ verb }) => verb)).toEqual(['create', 'patch']);
  });

  test('repeats while a request is under way are one patch', async () => {
    const gate = Promise.withResolvers<void>();
    const { recorder, writes } = setup(() => gate.promise);
    for (let repeat = 0; repeat < 50; repeat += 1) recorder.record(subject(), event());
    gate.resolve();
    await recorder.settled();
    expect(writes.map(({ verb }) => verb)).toEqual(['create', 'patch']);
    expect(writes[1]?.body).toMatchObject({ series: { count: 50 } });
  });

  test('a series whose Event has expired begins with a new Event', async () => {
    const { record, writes } = setup(({ verb }) => {
      if (verb === 'patch') throw new ApiError(404, 'NotFound', 'gone');
    });
    await record(0);
    await record(1);
    expect(writes.map(({ verb }) => verb)).toEqual(['create', 'patch', 'create']);
  });

  test('an Event that could not be created is created at the next repeat', async () => {
    let refusals = 1;
    const { record, writes } = setup(() => {
      refusals -= 1;
      if (refusals >= 0) throw new ApiError(500, 'InternalError', 'boom');
    });
    await record(0);
    await record(1);
    expect(writes.map(({ verb }) => verb)).toEqual(['create', 'create']);
  });

  test('failures never reach the caller; the first of a kind is a warning, with nothing but its code', async () => {
    const { record, lines } = setup(() => {
      throw new ApiError(403, 'Forbidden', 'a secret text');
    });
    await record(0);
    await record(1);
    expect(lines.map(({ level, code }) => ({ level, code }))).toEqual([
      { level: 40, code: 403 },
      { level: 20, code: 403 },
    ]);
    expect(JSON.stringify(lines)).not.toContain('secret');
  });

  test('at most 64 requests are under way, whatever happens', async () => {
    const gate = Promise.withResolvers<void>();
    const { recorder, writes, lines } = setup(() => gate.promise);
    for (let index = 0; index < 100; index += 1) recorder.record(subject({ uid: `uid-${index}` }), event());
    expect(writes).toHaveLength(64);
    expect(lines.filter(({ level }) => level === 40)).toHaveLength(1);
    gate.resolve();
    await recorder.settled();
  });

  test('of 1000 and more series the one that was quiet the longest is forgotten', async () => {
    const { record, writes } = setup();
    for (let index = 0; index < 1001; index += 1) await record(index, subject({ uid: `uid-${index}` }));
    await record(1001, subject({ uid: 'uid-1000' }));
    await record(1002, subject({ uid: 'uid-0' }));
    expect(writes.slice(-2).map(({ verb }) => verb)).toEqual(['patch', 'create']);
  });

  test.each([
    { name: 'control characters become spaces', note: 'a\u001b[31mb\r\nc\u009bd', expected: 'a [31mb c d' },
    { name: 'text that is turned round becomes straight', note: 'a\u202eb', expected: 'a b' },
    { name: 'a token is blanked', note: 'x eyJhbGciOiJ9.eyJzdWIiOiJ4In0.c2ln', expected: 'x [redacted]' },
    { name: 'a long note is cut to 1024 bytes', note: 'x'.repeat(2000), expected: 'x'.repeat(1024) },
    { name: 'no character is cut in two', note: `x${'€'.repeat(1000)}`, expected: `x${'€'.repeat(341)}` },
  ])('$name [F72 F78 S15]', async ({ note, expected }) => {
    const { record, writes } = setup();
    await record(0, subject(), event({ note }));
    expect(writes[0]?.body).toMatchObject({ note: expected });
  });

  test('a name of 253 characters leaves room for the suffix, and does not end in a dot', async () => {
    const { record, writes } = setup();
    await record(0, subject({ name: `${'a'.repeat(199)}.${'b'.repeat(53)}` }));
    expect(writes[0]?.name.name).toMatch(/^a{199}\.[0-9a-f]{16}$/);
  });
});
