import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { logTail, run, startService } from './process.ts';

const temporaryFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'process-test-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
};
const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('run', () => {
  test('returns standard output, given standard input', async () => {
    expect(await run('/bin/sh', ['-c', 'cat; echo noise >&2'], { input: 'words' })).toBe('words');
  });

  test('quotes the last lines of a program that fails', async () => {
    const failing = run('/bin/sh', ['-c', 'echo broken module >&2; exit 3']);
    await expect(failing).rejects.toThrow(/failed with exit code 3:\nbroken module$/);
  });

  test('names a program that does not exist', async () => {
    await expect(run('no-such-program', [])).rejects.toThrow(/no-such-program could not be started: .*ENOENT/);
  });

  test('kills a program that takes too long, with its children', async () => {
    await expect(run('/bin/sh', ['-c', 'sleep 60; true'], { timeoutMs: 50 })).rejects.toThrow('was killed');
  });
});

describe('startService', () => {
  test('writes to the log, and stop waits until the process is gone', async () => {
    const logFile = join(await temporaryFolder(), 'log');
    const service = await startService({
      name: 'loop',
      program: '/bin/sh',
      args: ['-c', 'echo started; exec sleep 60'],
      logFile,
    });
    await expect.poll(() => readFile(logFile, 'utf8')).toBe('started\n');
    await service.stop(0);
    expect([service.ended, isAlive(service.pid)]).toEqual([true, false]);
    await service.stop(0);
  });

  test('a service that does not heed SIGTERM is killed after the grace time', async () => {
    const logFile = join(await temporaryFolder(), 'log');
    const script = 'trap "" TERM; echo started; while :; do sleep 0.05; done';
    const service = await startService({ name: 'stubborn', program: '/bin/sh', args: ['-c', script], logFile });
    await expect.poll(() => readFile(logFile, 'utf8')).toBe('started\n');
    await service.stop(50);
    expect(isAlive(service.pid)).toBe(false);
  });

  test('a service dies with the process that started it, even by SIGKILL', async () => {
    const logFile = join(await temporaryFolder(), 'log');
    const module = JSON.stringify(new URL('./process.ts', import.meta.url).href);
    const script = `
      const { startService } = await import(${module});
      const { pid } = await startService({ name: 'orphan', program: 'sleep', args: ['60'], logFile: ${JSON.stringify(logFile)} });
      process.stdout.write(String(pid));
      setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script]);
    const [printed] = await once(parent.stdout, 'data');
    const pid = Number(printed);
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    await expect.poll(() => isAlive(pid), { timeout: 5_000 }).toBe(false);
  });
});

test('the tail of a log is its last lines, and says why there is none', async () => {
  const folder = await temporaryFolder();
  const service = await startService({
    name: 'lines',
    program: '/bin/sh',
    args: ['-c', 'seq 100'],
    logFile: join(folder, 'log'),
  });
  await expect.poll(() => service.ended).toBe(true);
  expect(await logTail(join(folder, 'log'), 2)).toBe('99\n100');
  expect(await logTail(join(folder, 'none'))).toMatch(/^\(no log: .*ENOENT/);
});
