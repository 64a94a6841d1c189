import {
  ApiException,
  type ConfigurationOptions,
  CoordinationV1Api,
  type KubeConfig,
  Observable,
  type ObservableMiddleware,
  type V1Lease,
  V1MicroTime,
} from '@kubernetes/client-node';
import type { Lease, LeaseRecord, Leases } from './leader-election.ts';

/** The Leases of a namespace. */
export function kubernetesLeases(config: KubeConfig, namespace: string): Leases {
  const api = config.makeApiClient(CoordinationV1Api);
  return {
    get: (name, signal) => unless([404], () => api.readNamespacedLease({ namespace, name }, abortedBy(signal))),
    create: (name, record, signal) =>
      unless([409], () =>
        api.createNamespacedLease({ namespace, body: toBody(name, namespace, record) }, abortedBy(signal)),
      ),
    update: (name, { record, resourceVersion }, signal) =>
      unless([404, 409], () =>
        api.replaceNamespacedLease(
          { namespace, name, body: toBody(name, namespace, record, resourceVersion) },
          abortedBy(signal),
        ),
      ),
  };
}

async function unless(codes: readonly number[], request: () => Promise<V1Lease>): Promise<Lease | undefined> {
  try {
    return fromBody(await request());
  } catch (error) {
    if (error instanceof ApiException && codes.includes(error.code)) return undefined;
    throw error;
  }
}

/** client-node's calls take no signal, but a middleware may set one on the request. */
function abortedBy(signal: AbortSignal): ConfigurationOptions<ObservableMiddleware> {
  const middleware: ObservableMiddleware = {
    pre: (request) => {
      request.setSignal(signal);
      return new Observable(Promise.resolve(request));
    },
    post: (response) => new Observable(Promise.resolve(response)),
  };
  return { middleware: [middleware], middlewareMergeStrategy: 'append' };
}

function toBody(name: string, namespace: string, record: LeaseRecord, resourceVersion?: string): V1Lease {
  const { acquireTime, renewTime, ...rest } = record;
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, namespace, ...(resourceVersion === undefined ? {} : { resourceVersion }) },
    spec: {
      ...rest,
      ...(acquireTime === undefined ? {} : { acquireTime: new V1MicroTime(acquireTime) }),
      ...(renewTime === undefined ? {} : { renewTime: new V1MicroTime(renewTime) }),
    },
  };
}

function fromBody({ metadata, spec = {} }: V1Lease): Lease {
  return {
    resourceVersion: metadata?.resourceVersion ?? '',
    record: {
      holderIdentity: spec.holderIdentity ?? '',
      leaseDurationSeconds: spec.leaseDurationSeconds ?? 15,
      acquireTime: spec.acquireTime && new Date(spec.acquireTime), // the client leaves it a string
      renewTime: spec.renewTime && new Date(spec.renewTime),
      leaseTransitions: spec.leaseTransitions ?? 0,
    },
  };
}
