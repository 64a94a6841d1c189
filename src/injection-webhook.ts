import { hostname } from 'node:os';
import { answerBody } from './admission/webhook/answer-body.ts';
import { CertificateRotation } from './admission/webhook/certificate-rotation.ts';
import { podRoles } from './admission/webhook/pod-roles.ts';
import { startWebhookServer, type WebhookServer } from './admission/webhook/server.ts';
import { CONFIGURATIONS, WEBHOOK_NAME, type WebhookConfiguration } from './admission/webhook/webhook-configuration.ts';
import { webhookMetrics } from './admission/webhook/webhook-metrics.ts';
import { aborted, sleep } from './runtime/abort.ts';
import { exponentialBackoff } from './runtime/backoff.ts';
import type { Metrics } from './runtime/metrics.ts';
import { ObjectStore } from './runtime/object-store.ts';
import { watchStandstill } from './runtime/standstill.ts';
import { listenAddress, type Settings } from './settings.ts';
import { type Connection, follow, type Stores } from './stores.ts';

export interface InjectionWebhookParts extends Connection {
  readonly settings: Settings;
  readonly stores: Pick<Stores, 'tables'>;
  readonly metrics: Pick<Metrics, 'registry'>;
}

export interface InjectionWebhook extends AsyncDisposable {
  /** API servers trust the certificate, and the webhook is not about to stop. */
  readonly isReady: () => boolean;
  /** Resolves when the last call is answered, some seconds after the shutdown. */
  readonly ended: Promise<void>;
}

/** Injects pods and marks ServiceAccounts by webhooks, in every replica, whether it leads or not. Rejects if the address cannot be had. */
export async function startInjectionWebhook(
  parts: InjectionWebhookParts,
  shutdown: AbortSignal,
): Promise<InjectionWebhook> {
  const { settings, stores, metrics, log } = parts;
  const configurations = new ObjectStore<WebhookConfiguration>({ log });
  const rotation = await rotationOf(parts, configurations, (certificate) => server.show(certificate));
  const observer = webhookMetrics(metrics.registry, () => rotation.shown.notAfter);
  const standstill = watchStandstill();
  const lookup = podRoles({ tables: stores.tables, stoodStill: standstill.justEnded });
  const server: WebhookServer = await startWebhookServer({
    ...listenAddress(settings.webhookBindAddress),
    certificate: rotation.shown,
    answer: answerBody({ lookup, injection: settings, observer, log }),
    log,
  });
  log.info({ port: server.port, service: settings.webhookService }, 'the injection webhook listens');
  const stopping = new AbortController();
  const query = { fieldSelector: `metadata.name=${WEBHOOK_NAME}` };
  const following = follow(parts, CONFIGURATIONS, { store: configurations, query }, stopping.signal);
  const rotating = keepRotating(rotation, configurations, stopping.signal);
  const stop = async (): Promise<void> => {
    stopping.abort();
    standstill[Symbol.dispose]();
    await Promise.all([server[Symbol.asyncDispose](), following, rotating]);
  };
  return {
    isReady: () => rotation.isTrusted && !shutdown.aborted,
    ended: aborted(shutdown)
      .then(() => server.drain(settings.webhookDrain * 1000))
      .then(stop),
    [Symbol.asyncDispose]: stop,
  };
}

function rotationOf(
  { settings, kubernetes, log }: InjectionWebhookParts,
  configurations: ObjectStore<WebhookConfiguration>,
  onSwitch: (certificate: CertificateRotation['shown']) => void,
): Promise<CertificateRotation> {
  const { webhookService, namespace, webhookHosts } = settings;
  return CertificateRotation.create({
    replica: settings.podName || hostname(),
    hosts: [`${webhookService}.${namespace}.svc`, ...webhookHosts],
    lifetimeMs: settings.webhookCertificateLifetime * 1000,
    learningMs: settings.webhookLearningTime * 1000,
    kubernetes,
    configuration: () => configurations.get({ name: WEBHOOK_NAME }),
    onSwitch,
    now: () => new Date(),
    random: Math.random,
    backoff: exponentialBackoff(500, 30_000),
    log,
  });
}

/** Takes the next step when it is due or when the configuration has changed, so that an emptied bundle is filled at once. */
async function keepRotating(
  rotation: CertificateRotation,
  configurations: ObjectStore<WebhookConfiguration>,
  signal: AbortSignal,
): Promise<void> {
  let changed = Promise.withResolvers<void>();
  const stop = configurations.onChange(() => changed.resolve());
  await Promise.race([configurations.synced, aborted(signal)]);
  while (!signal.aborted) {
    changed = Promise.withResolvers<void>();
    const ms = await rotation.step();
    const waited = new AbortController();
    await Promise.race([changed.promise, sleep(ms, AbortSignal.any([signal, waited.signal]))]);
    waited.abort();
  }
  stop();
}
