import { describe, expect, test } from 'vitest';
import { ACCOUNT, awsError, thrownBy } from '../../test/support/builders.ts';
import { manualClock } from '../../test/support/manual-clock.ts';
import { CircuitBreaker } from './breaker.ts';
import { CallGate, type PendingCall } from './call-gate.ts';
import { RateLimit } from './rate-limit.ts';
import { Session } from './session.ts';

const MINUTE = 60_000;
const CALLER = `arn:aws:sts::${ACCOUNT}:assumed-role/operator/session`;

const call = (fields: Partial<PendingCall> = {}): PendingCall => ({
  operation: 'GetRole',
  priority: 'user',
  signal: new AbortController().signal,
  ...fields,
});

/** A gate before an AWS that takes the keys in `valid`. `keys` are given out by the source of credentials, one a renewal. */
function scene({ keys = ['key-1'], burst = 20 }: { readonly keys?: string[]; readonly burst?: number } = {}) {
  const clock = manualClock();
  const breaker = new CircuitBreaker({ clock });
  const limit = new RateLimit({ clock, burst });
  const aws = { valid: new Set(keys), callerArn: CALLER, sent: [] as string[] };
  const leadership = { isLost: false };
  let key = keys[0] ?? 'none';
  const answer = (operation: string): void => {
    aws.sent.push(operation);
    if (!aws.valid.has(key)) throw awsError('InvalidClientTokenId', 'The security token is invalid.');
  };
  const session = new Session({
    breaker,
    accessKey: async ({ forceRefresh }) => {
      if (forceRefresh) key = keys[keys.indexOf(key) + 1] ?? key;
      return { accessKeyId: key };
    },
    callerArn: async () => {
      answer('GetCallerIdentity');
      return aws.callerArn;
    },
  });
  const fence = (): void => {
    if (leadership.isLost) throw new Error('not the leader');
  };
  const gate = new CallGate({ accountId: ACCOUNT, session, breaker, limit, fence });
  const send = (one: PendingCall, error?: Error): Promise<string> =>
    gate.pass(one, async () => {
      answer(one.operation);
      if (error !== undefined) throw error;
      return 'output';
    });
  return { clock, limit, breaker, aws, leadership, send, renewKey: (next: string) => void (key = next) };
}

describe('the account', () => {
  test('is asked for once for each set of credentials, however many calls wait for it', async () => {
    const { aws, send, renewKey } = scene();
    await Promise.all([send(call()), send(call()), send(call())]);
    await send(call());
    expect(aws.sent.filter((operation) => operation === 'GetCallerIdentity')).toHaveLength(1);
    aws.valid.add('key-2');
    renewKey('key-2');
    await send(call());
    expect(aws.sent.slice(-2)).toEqual(['GetCallerIdentity', 'GetRole']);
  });

  test('that is another one after a change of credentials stops the first call with them', async () => {
    const { aws, send, renewKey } = scene();
    await send(call());
    aws.valid.add('key-2');
    aws.callerArn = 'arn:aws:iam::999988887777:user/moved';
    renewKey('key-2');
    expect(await thrownBy(() => send(call({ operation: 'CreateRole' })))).toMatchObject({ reason: 'WrongAccount' });
    expect(aws.sent).not.toContain('CreateRole');
  });
});

describe('refused credentials', () => {
  test('cost one call for a hundred attempts, and one a minute after that', async () => {
    const { aws, clock, send } = scene();
    await send(call());
    aws.valid.clear();
    aws.sent.length = 0;
    const errors = new Set<unknown>();
    for (let attempt = 0; attempt < 100; attempt += 1) errors.add(await thrownBy(() => send(call())));
    expect(aws.sent).toEqual(['GetRole']);
    expect(errors.size).toBe(1);
    expect([...errors][0]).toMatchObject({
      reason: 'CredentialsExpired',
      message: "GetRole as the operator: The security token is invalid. Renew the operator's AWS credentials.",
      disposition: { kind: 'waiting', retryAfterMs: MINUTE },
    });
    for (let minute = 2; minute <= 4; minute += 1) {
      await clock.advance(MINUTE);
      await Promise.all(Array.from({ length: 50 }, () => thrownBy(() => send(call()))));
      expect(aws.sent).toHaveLength(minute);
    }
  });

  test('at the first start cost one call, too, even for a hundred at once', async () => {
    const { aws, send } = scene();
    aws.valid.clear();
    await Promise.all(Array.from({ length: 100 }, () => thrownBy(() => send(call()))));
    await thrownBy(() => send(call()));
    expect(aws.sent).toEqual(['GetCallerIdentity']);
  });

  test('stop those who wait for their turn', async () => {
    const { aws, clock, send } = scene({ burst: 2 });
    await send(call());
    aws.valid.clear();
    aws.sent.length = 0;
    const waiting = Array.from({ length: 50 }, () => thrownBy(() => send(call())));
    await clock.advance(10_000);
    await Promise.all(waiting);
    expect(aws.sent.length).toBeLessThanOrEqual(2);
  });

  test('are renewed once, and the call is repeated [F34]', async () => {
    const { aws, breaker, send } = scene({ keys: ['key-1', 'key-2'] });
    await send(call());
    aws.valid.delete('key-1');
    aws.sent.length = 0;
    expect(await send(call())).toBe('output');
    expect(aws.sent).toEqual(['GetRole', 'GetCallerIdentity', 'GetRole']);
    expect(breaker.isOpen).toBe(false);
  });

  test('that are refused again after the renewal open the breaker', async () => {
    const { aws, breaker, send } = scene({ keys: ['key-1', 'key-2'] });
    await send(call());
    aws.valid.clear();
    expect(await thrownBy(() => send(call()))).toMatchObject({ reason: 'CredentialsExpired' });
    expect(breaker.isOpen).toBe(true);
  });

  test('work again at the probe after they were mended', async () => {
    const { aws, clock, breaker, send } = scene();
    await send(call());
    aws.valid.clear();
    await thrownBy(() => send(call()));
    aws.valid.add('key-1');
    await expect(send(call())).rejects.toThrow('Renew');
    await clock.advance(MINUTE);
    expect(await send(call())).toBe('output');
    expect(breaker.isOpen).toBe(false);
    expect(await send(call())).toBe('output');
  });

  test.each([{ code: 'AccessDenied' }, { code: 'NoSuchEntity' }, { code: 'Throttling' }, { code: 'LimitExceeded' }])(
    'are not what $code means',
    async ({ code }) => {
      const { breaker, send } = scene();
      await expect(send(call(), awsError(code))).rejects.toMatchObject({ Code: code });
      expect(breaker.isOpen).toBe(false);
    },
  );
});

describe('the fence', () => {
  test.each([
    { operation: 'CreateRole', isStopped: true },
    { operation: 'UntagRole', isStopped: true },
    { operation: 'GetRole', isStopped: false },
    { operation: 'ListAttachedRolePolicies', isStopped: false },
  ])('after the loss of leadership: $operation is stopped: $isStopped', async ({ operation, isStopped }) => {
    const { aws, leadership, send } = scene();
    leadership.isLost = true;
    const outcome = await send(call({ operation })).catch((error: Error) => error.message);
    expect(outcome).toBe(isStopped ? 'not the leader' : 'output');
    expect(aws.sent.includes(operation)).toBe(!isStopped);
  });

  test('stops a write that was waiting for its turn when leadership was lost [F14]', async () => {
    const { aws, clock, leadership, send } = scene({ burst: 1 });
    await send(call());
    const write = thrownBy(() => send(call({ operation: 'CreateRole' })));
    leadership.isLost = true;
    await clock.advance(1000);
    expect(await write).toMatchObject({ message: 'not the leader' });
    expect(aws.sent).not.toContain('CreateRole');
  });
});

describe('the rate', () => {
  test('is slowed by throttling, and the error goes to the queue as it is', async () => {
    const { limit, send } = scene();
    await expect(send(call(), awsError('Throttling', 'Rate exceeded'))).rejects.toMatchObject({ Code: 'Throttling' });
    expect(limit.state.callsPerSecond).toBe(5);
  });

  test('is not slowed by a quota, nor by an outage', async () => {
    const { limit, send } = scene();
    await thrownBy(() => send(call(), awsError('LimitExceeded')));
    await thrownBy(() => send(call(), awsError('ServiceFailure', 'x', 'server')));
    expect(limit.state.callsPerSecond).toBe(10);
  });

  test('is the reason when time runs out in the queue', async () => {
    const { clock, send } = scene({ burst: 1 });
    await send(call());
    const timedOut = new AbortController();
    const waiting = thrownBy(() => send(call({ signal: timedOut.signal })));
    await clock.advance(0);
    timedOut.abort(new DOMException('too late', 'TimeoutError'));
    expect(await waiting).toMatchObject({ reason: 'Throttled', disposition: { kind: 'retryable' } });
  });

  test('is no reason when the process stops', async () => {
    const { send } = scene({ burst: 1 });
    await send(call());
    const stopped = new AbortController();
    const waiting = thrownBy(() => send(call({ signal: stopped.signal })));
    stopped.abort(new Error('shutdown'));
    expect(await waiting).toMatchObject({ message: 'shutdown' });
  });
});
