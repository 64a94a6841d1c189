import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { REVIEW_OUTCOMES, type ReviewOutcome } from './review.ts';

export interface WebhookObserver {
  reviewed(outcome: ReviewOutcome | 'invalid', seconds: number): void;
}

/** What the webhook counts. `expiry` is asked at each scrape. */
export function webhookMetrics(registry: Registry, expiry: () => Date): WebhookObserver {
  const registers = [registry];
  const reviews = new Counter({
    name: 'federated_identity_webhook_reviews_total',
    help: 'Reviews by what became of the pod; lookupFailed and invalid are worth an alert.',
    labelNames: ['outcome'],
    registers,
  });
  for (const outcome of [...REVIEW_OUTCOMES, 'invalid']) reviews.inc({ outcome }, 0); // so that a rate is there before the first
  const duration = new Histogram({
    name: 'federated_identity_webhook_review_duration_seconds',
    help: 'Time from the body of a review to its answer.',
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3],
    registers,
  });
  const gauge: Gauge = new Gauge({
    name: 'federated_identity_webhook_certificate_expiry_timestamp_seconds',
    help: 'When the certificate that the webhook shows expires; it is replaced long before.',
    registers,
    collect: () => gauge.set(expiry().getTime() / 1000),
  });
  return {
    reviewed: (outcome, seconds) => {
      reviews.inc({ outcome });
      duration.observe(seconds);
    },
  };
}
