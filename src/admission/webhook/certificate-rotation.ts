import type { Logger } from 'pino';
import type { KubernetesClient } from '../../kube/client.ts';
import { isConflict } from '../../kube/errors.ts';
import type { Backoff } from '../../runtime/backoff.ts';
import { errorFields } from '../../runtime/error-fields.ts';
import { isPublished, joined, withReplica } from './ca-bundle.ts';
import { createServingCertificate, type ServingCertificate } from './serving-certificate.ts';
import {
  bundlesOf,
  CONFIGURATIONS,
  WEBHOOK_NAME,
  type WebhookConfiguration,
  withBundle,
} from './webhook-configuration.ts';

export interface RotationOptions {
  /** Name of the replica, unique among those that live. */
  readonly replica: string;
  readonly hosts: readonly string[];
  readonly lifetimeMs: number;
  /** How long API servers may take to learn of a new bundle. */
  readonly learningMs: number;
  readonly kubernetes: Pick<KubernetesClient, 'mergePatch'>;
  /** The webhook configuration as the API server has it now; undefined where it is not installed. */
  readonly configuration: () => WebhookConfiguration | undefined;
  /** Called with the certificate that new connections should be shown from now on. */
  readonly onSwitch: (certificate: ServingCertificate) => void;
  readonly now: () => Date;
  readonly random: () => number;
  readonly backoff: Backoff;
  readonly log: Logger;
}

/** Without news from the watch, the next look comes this late. */
const PATIENCE_MS = 5_000;
const CONFLICT_PAUSE_MS = 200;

/**
 * The certificates of one replica: made, published in the `caBundle`, and replaced when two thirds of their life have passed. The
 * next one is published first, then shown when every API server knows it, so no call ever meets a certificate that is
 * not trusted. It leaves nothing behind but the bundle: a replica that starts makes its own anew.
 */
export class CertificateRotation {
  readonly #options: RotationOptions;
  #shown: ServingCertificate;
  #next: ServingCertificate | undefined;
  #publishedSince: number | undefined;
  #failures = 0;

  private constructor(options: RotationOptions, shown: ServingCertificate) {
    this.#options = options;
    this.#shown = shown;
  }

  static async create(options: RotationOptions): Promise<CertificateRotation> {
    return new CertificateRotation(options, await createServingCertificate({ ...options, now: options.now() }));
  }

  /** What the server shows to new connections. */
  get shown(): ServingCertificate {
    return this.#shown;
  }

  /** Whether API servers trust what is shown: false before the first publication and while somebody has emptied the bundle. */
  get isTrusted(): boolean {
    const configuration = this.#options.configuration();
    return configuration !== undefined && this.#isIn(configuration, [this.#shown]);
  }

  /** Does what is due; returns in how many milliseconds the next step is, unless the configuration changes before. Never rejects. */
  async step(): Promise<number> {
    const { configuration, now, learningMs } = this.#options;
    const seen = configuration();
    if (seen === undefined || !this.#isIn(seen, this.#own)) {
      this.#publishedSince = undefined;
      return seen === undefined ? this.#waitForInstallation() : this.#publish(seen);
    }
    const time = now().getTime();
    this.#publishedSince ??= time;
    if (this.#next === undefined) {
      const renewAt = this.#shown.notAfter.getTime() - this.#options.lifetimeMs / 3;
      if (time < renewAt) return renewAt - time;
      this.#next = await createServingCertificate({ ...this.#options, now: now() });
      return 0;
    }
    // One that has expired is refused by every API server, and the next one only by those that are late.
    const switchAt = Math.min(this.#publishedSince + learningMs, this.#shown.notAfter.getTime());
    if (time < switchAt) return switchAt - time;
    this.#shown = this.#next;
    this.#next = undefined;
    this.#options.onSwitch(this.#shown);
    this.#options.log.info({ expires: this.#shown.notAfter }, 'shows a new webhook certificate');
    return 0;
  }

  get #own(): readonly ServingCertificate[] {
    return this.#next === undefined ? [this.#shown] : [this.#shown, this.#next];
  }

  #replica(own: readonly ServingCertificate[]) {
    return { name: this.#options.replica, certificates: own.map(({ certificate }) => certificate) };
  }

  #isIn(configuration: WebhookConfiguration, own: readonly ServingCertificate[]): boolean {
    const bundles = bundlesOf(configuration);
    return bundles.length > 0 && bundles.every((bundle) => isPublished(bundle, this.#replica(own)));
  }

  #waitForInstallation(): number {
    this.#failures += 1;
    if (this.#failures === 1) {
      const message = `no MutatingWebhookConfiguration ${WEBHOOK_NAME}: pods are not injected until it is installed`;
      this.#options.log.warn({ next: 'kubectl apply --server-side -k config/admission/webhook' }, message);
    }
    return PATIENCE_MS;
  }

  /** Writes only onto the very object that was seen, so that replicas which start together do not lose each other's. */
  async #publish(seen: WebhookConfiguration): Promise<number> {
    const { kubernetes, now, log, backoff, random } = this.#options;
    const before = joined(bundlesOf(seen));
    const bundle = withReplica(before, this.#replica(this.#own), now()) ?? before; // some of the webhooks have it already
    try {
      const patch = withBundle(seen, bundle);
      await kubernetes.mergePatch(CONFIGURATIONS, { name: WEBHOOK_NAME }, patch, AbortSignal.timeout(PATIENCE_MS));
      this.#failures = 0;
      log.info({ certificates: this.#own.length }, 'published the webhook certificate in the caBundle');
      return PATIENCE_MS; // the watch brings the result before
    } catch (error) {
      if (isConflict(error)) return CONFLICT_PAUSE_MS * (0.5 + random());
      this.#failures += 1;
      const retryInMs = backoff(this.#failures);
      log.warn({ err: errorFields(error), retryInMs }, 'cannot publish the webhook certificate in the caBundle');
      return retryInMs;
    }
  }
}
