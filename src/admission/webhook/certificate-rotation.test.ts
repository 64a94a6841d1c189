import { X509Certificate } from 'node:crypto';
import { pino } from 'pino';
import { beforeEach, describe, expect, test } from 'vitest';
import { ApiError } from '../../kube/errors.ts';
import { CertificateRotation } from './certificate-rotation.ts';
import type { ServingCertificate } from './serving-certificate.ts';
import { bundlesOf, WEBHOOK_NAME, type WebhookConfiguration } from './webhook-configuration.ts';

const LIFETIME = 90_000;
const LEARNING = 10_000;

let time: number;
let configuration: WebhookConfiguration | undefined;
let patches: number;
let failures: Error[];
let switched: ServingCertificate[];

beforeEach(() => {
  time = Date.parse('2026-03-01T12:00:00Z');
  configuration = {
    metadata: { name: WEBHOOK_NAME, resourceVersion: '1' },
    webhooks: [{ name: 'inject', timeoutSeconds: 3, clientConfig: { service: { name: 'webhook' } } }],
  };
  patches = 0;
  failures = [];
  switched = [];
});

/** Carries a patch out as an API server does. */
async function mergePatch(_type: unknown, _name: unknown, patch: object): Promise<void> {
  const failure = failures.shift();
  if (failure !== undefined) throw failure;
  const { metadata, ...rest } = patch as WebhookConfiguration;
  if (metadata.resourceVersion !== configuration?.metadata.resourceVersion) throw new ApiError(409, 'Conflict', '');
  patches += 1;
  configuration = { metadata: { name: WEBHOOK_NAME, resourceVersion: String(patches + 1) }, ...rest };
}

const rotationOf = (replica: string, learningMs = LEARNING): Promise<CertificateRotation> =>
  CertificateRotation.create({
    replica,
    hosts: ['webhook.system.svc'],
    lifetimeMs: LIFETIME,
    learningMs,
    kubernetes: { mergePatch },
    configuration: () => configuration,
    onSwitch: (certificate) => switched.push(certificate),
    now: () => new Date(time),
    random: () => 0.5,
    backoff: (count) => count * 1_000,
    log: pino({ enabled: false }),
  });

const bundle = (): string => (configuration === undefined ? '' : (bundlesOf(configuration)[0] ?? ''));
const inBundle = ({ certificate }: ServingCertificate): boolean => bundle().includes(certificate);
const size = (): number => bundle().match(/BEGIN/g)?.length ?? 0;

/** Takes the steps that are due, as the watch brings each write at once, and moves the clock to the next one. */
async function untilLater(rotation: CertificateRotation): Promise<number> {
  let ms = 0;
  for (let steps = 0; ms <= 5_000 && steps < 5; steps += 1) ms = await rotation.step();
  time += ms;
  return ms;
}

describe('a replica', () => {
  test('is trusted once its certificate is in the bundle, and writes no more then', async () => {
    const rotation = await rotationOf('a');
    expect(rotation.isTrusted).toBe(false);
    await rotation.step();
    expect(rotation.isTrusted).toBe(true);
    expect(inBundle(rotation.shown)).toBe(true);
    const ms = await rotation.step();
    expect(ms).toBe((LIFETIME * 2) / 3);
    expect(patches).toBe(1);
    expect(configuration?.webhooks?.[0]).toMatchObject({
      timeoutSeconds: 3,
      clientConfig: { service: { name: 'webhook' } },
    });
  });

  test('publishes the next certificate after two thirds of its life, and shows it when API servers have learned of it', async () => {
    const rotation = await rotationOf('a');
    const { shown } = rotation;
    await untilLater(rotation);
    const ms = await untilLater(rotation);
    expect(ms).toBe(LEARNING);
    expect({ size: size(), switched: switched.length, shown: rotation.shown }).toEqual({ size: 2, switched: 0, shown });
    await rotation.step();
    expect(switched).toEqual([rotation.shown]);
    expect(rotation.shown).not.toBe(shown);
    expect(inBundle(rotation.shown)).toBe(true);
    expect(inBundle(shown)).toBe(true); // connections may still be on their way
    expect(time).toBeLessThan(new X509Certificate(shown.certificate).validToDate.getTime());
  });

  test('never goes on showing one that has expired, however long API servers may take to learn of the next', async () => {
    const rotation = await rotationOf('a', LIFETIME);
    for (let steps = 0; steps < 6; steps += 1) {
      await untilLater(rotation);
      await untilLater(rotation);
      await rotation.step();
      expect(switched).toHaveLength(steps + 1);
      expect(rotation.shown.notAfter.getTime()).toBeGreaterThan(time);
    }
  });

  test('keeps the bundle at two certificates over many rotations', async () => {
    const rotation = await rotationOf('a');
    for (let steps = 0; steps < 12; steps += 1) {
      await untilLater(rotation);
      expect(rotation.isTrusted).toBe(true);
      expect(rotation.shown.notAfter.getTime()).toBeGreaterThan(time);
    }
    expect(switched.length).toBeGreaterThanOrEqual(5);
    expect(size()).toBeLessThanOrEqual(3);
  });

  test('waits anew when the bundle is emptied while API servers learn', async () => {
    const rotation = await rotationOf('a');
    await untilLater(rotation);
    await untilLater(rotation);
    await mergePatch(null, null, { ...configuration, webhooks: [{ name: 'inject', clientConfig: {} }] });
    expect(rotation.isTrusted).toBe(false);
    await rotation.step();
    expect(size()).toBe(2);
    expect(await rotation.step()).toBe(LEARNING);
    expect(switched).toEqual([]);
  });

  test.each([
    { name: 'that somebody else has just changed', error: new ApiError(409, 'Conflict', ''), ms: 200 },
    { name: 'that it may not write', error: new ApiError(403, 'Forbidden', ''), ms: 1_000 },
    { name: 'of an API server that is away', error: new TypeError('fetch failed'), ms: 1_000 },
  ])('tries again on a configuration $name', async ({ error, ms }) => {
    const rotation = await rotationOf('a');
    failures = [error];
    expect(await rotation.step()).toBe(ms);
    await rotation.step();
    expect(rotation.isTrusted).toBe(true);
  });

  test('waits for the configuration to be installed', async () => {
    const rotation = await rotationOf('a');
    const installed = configuration;
    configuration = undefined;
    expect(await rotation.step()).toBe(5_000);
    expect(rotation.isTrusted).toBe(false);
    configuration = installed;
    await rotation.step();
    expect(rotation.isTrusted).toBe(true);
  });
});

test('two replicas have both of their certificates there, whoever writes first', async () => {
  const [a, b] = await Promise.all([rotationOf('a'), rotationOf('b')]);
  for (let steps = 0; steps < 3; steps += 1) await Promise.all([a.step(), b.step()]);
  expect([a.isTrusted, b.isTrusted, size(), patches]).toEqual([true, true, 2, 2]);
});

test('a replica that crashes again and again leaves one certificate behind', async () => {
  for (let starts = 0; starts < 20; starts += 1) {
    await (await rotationOf('a')).step();
    time += 2_000;
  }
  expect(size()).toBe(1);
});
