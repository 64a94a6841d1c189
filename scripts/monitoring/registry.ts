import { pino } from 'pino';
import { webhookMetrics } from '../../src/admission/webhook/webhook-metrics.ts';
import { createInstruments } from '../../src/instruments.ts';
import { showObjects } from '../../src/object-metrics.ts';
import { createMetrics } from '../../src/runtime/metrics.ts';
import { createStores } from '../../src/stores.ts';

/** A metric as the operator declares it. */
export interface MetricFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly labels: readonly string[];
}

/** All metrics of a replica that also serves the webhook, in the order of `/metrics`. */
export async function metricFamilies(): Promise<readonly MetricFamily[]> {
  const metrics = createMetrics();
  createInstruments(metrics, { version: '', injection: '', verification: '' });
  showObjects(metrics, { ...createStores(pino({ level: 'silent' }), '') });
  webhookMetrics(metrics.registry, () => new Date(0));
  const families = await metrics.registry.getMetricsAsJSON();
  return families.map(({ name, type, help }) => ({ name, help, type: String(type), labels: labelsOf(metrics, name) }));
}

/** prom-client has the names of the labels, but not in its types. */
function labelsOf({ registry }: ReturnType<typeof createMetrics>, name: string): readonly string[] {
  const metric: object | undefined = registry.getSingleMetric(name);
  return metric !== undefined && 'labelNames' in metric && Array.isArray(metric.labelNames) ? metric.labelNames : [];
}

/** Those of Node and of the process, which are named and described by prom-client. */
export const isOfTheProcess = ({ name }: MetricFamily): boolean => /^(nodejs|process)_/.test(name);
