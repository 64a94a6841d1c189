import { describe, expect, test } from 'vitest';
import { thrownBy } from '../test/support/builders.ts';
import { FLAGS, listenAddress, parseSettings } from './settings.ts';

describe('settings', () => {
  test('need nothing: each has a default', () => {
    const settings = parseSettings({});
    expect(Object.keys(settings)).toHaveLength(FLAGS.length);
    expect(settings).toMatchObject({ logLevel: 'info', leaderElection: 'on', verification: 'token', concurrency: 32 });
  });

  test('are read from text, as flags and environment give it', () => {
    expect(parseSettings({ concurrency: '3', resyncInterval: '60', metricsBindAddress: '127.0.0.1:0' })).toMatchObject({
      concurrency: 3,
      resyncInterval: 60,
      metricsBindAddress: '127.0.0.1:0',
    });
  });

  test.each([
    { given: { logLevel: 'loud' }, flag: '--log-level' },
    { given: { namespace: '' }, flag: '--namespace' },
    { given: { namespace: 'two words' }, flag: '--namespace' },
    { given: { leaderElection: 'yes' }, flag: '--leader-election' },
    { given: { verification: 'maybe' }, flag: '--verification' },
    { given: { resyncInterval: '0' }, flag: '--resync-interval' },
    { given: { resyncInterval: '10m' }, flag: '--resync-interval' },
    { given: { verificationInterval: '1' }, flag: '--verification-interval' },
    { given: { concurrency: '1.5' }, flag: '--concurrency' },
    { given: { concurrency: '' }, flag: '--concurrency' },
    { given: { concurrency: '0x10' }, flag: '--concurrency' },
    { given: { consistencyWindow: '' }, flag: '--consistency-window' },
    { given: { webhookDrain: ' ' }, flag: '--webhook-drain' },
    { given: { awsCallsPerSecond: '0.4' }, flag: '--aws-calls-per-second' },
    { given: { serviceAccount: 'A' }, flag: '--service-account' },
    { given: { metricsBindAddress: '8080' }, flag: '--metrics-bind-address' },
    { given: { metricsBindAddress: ':65536' }, flag: '--metrics-bind-address' },
    { given: { webhookBindAddress: 'localhost' }, flag: '--webhook-bind-address' },
    { given: { shutdownGrace: '-1' }, flag: '--shutdown-grace' },
    { given: { injection: 'sidecar' }, flag: '--injection' },
    { given: { mountPath: 'var/run' }, flag: '--mount-path' },
    { given: { mountPath: '/var/run/' }, flag: '--mount-path' },
    { given: { annotationPrefix: 'eks.amazonaws.com/' }, flag: '--annotation-prefix' },
    { given: { excludedNamespaces: 'a,B' }, flag: '--excluded-namespaces' },
    { given: { defaultAudience: 'two words' }, flag: '--default-audience' },
    { given: { defaultTokenExpiration: '599' }, flag: '--default-token-expiration' },
    { given: { defaultRegion: 'eu west' }, flag: '--default-region' },
    { given: { webhookService: '' }, flag: '--webhook-service' },
    { given: { webhookHosts: 'a/b' }, flag: '--webhook-hosts' },
    { given: { webhookCertificateLifetime: '1' }, flag: '--webhook-certificate-lifetime' },
  ])('that are bad are named by flag and value, and by what they must be: $flag', async ({ given, flag }) => {
    const [value] = Object.values(given);
    const problem = `${flag}: (must be|Invalid option: expected) [^/]*\\(given: ${JSON.stringify(value)}\\)`;
    expect(await thrownBy(() => parseSettings(given))).toHaveProperty(
      'message',
      expect.stringMatching(new RegExp(`^invalid settings:\n  ${problem}\nSee --help.$`)),
    );
  });

  test('that are lists have commas between', () => {
    expect(parseSettings({}).excludedNamespaces).toEqual([]);
    expect(parseSettings({ excludedNamespaces: 'a, b-c,' }).excludedNamespaces).toEqual(['a', 'b-c']);
  });

  test('that are bad are all named at once, with a hint at --help [F20]', async () => {
    const error = await thrownBy(() => parseSettings({ logLevel: 'loud', concurrency: 'many' }));
    for (const text of ['--log-level', '--concurrency', 'See --help.'])
      expect(error).toHaveProperty('message', expect.stringContaining(text));
  });
});

describe('the table of --help', () => {
  test.each(FLAGS)(
    '$name has a variable of the same name, a sentence and a default',
    ({ name, variable, description, defaultText }) => {
      expect(name).toMatch(/^--[a-z]+(-[a-z]+)*$/);
      expect(variable).toBe(name.slice(2).replaceAll('-', '_').toUpperCase());
      expect(description).toMatch(/^[A-Z].{15,}[^.]$/);
      expect(defaultText).not.toBe('undefined');
    },
  );

  test('has each setting once', () => {
    expect(new Set(FLAGS.map(({ name }) => name)).size).toBe(FLAGS.length);
  });

  test('says the unit of each time', () => {
    const times = FLAGS.filter(({ name }) => /interval|grace|window|lifetime|expiration|time$|drain/.test(name));
    expect(times.length).toBeGreaterThan(2);
    for (const { description } of times) expect(description).toMatch(/^Seconds /);
  });
});

test.each([
  { address: ':8080', expected: { host: undefined, port: 8080 } },
  { address: '127.0.0.1:0', expected: { host: '127.0.0.1', port: 0 } },
  { address: '[::1]:8080', expected: { host: '::1', port: 8080 } },
  { address: '[::]:8080', expected: { host: '::', port: 8080 } },
])('the address $address is $expected.host, port $expected.port', ({ address, expected }) => {
  expect(listenAddress(address)).toEqual(expected);
});
