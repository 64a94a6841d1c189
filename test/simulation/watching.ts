import type { InjectionTable } from '../../src/kube/injection-table.ts';
import type { AwsFederatedIdentity, AwsOidcProvider } from '../../src/kube/kinds.ts';
import type { KubernetesResource, ResourceType } from '../../src/kube/resource.ts';
import type { ObjectStore } from '../../src/runtime/object-store.ts';
import type { Stores } from '../../src/stores.ts';
import { type ApiServer, type Commit, WATCHED } from './api-server.ts';
import type { Random } from './random.ts';
import type { Process, VirtualTime } from './virtual-time.ts';

/** The watches of one process. */
export interface Watching {
  /** Events of the kind come no earlier than then; with `relist`, they are lost and a list takes their place. */
  stall(kind: string, untilMs: number, how: 'late' | 'relist'): void;
  stop(): void;
}

interface Sources {
  readonly api: ApiServer;
  readonly time: VirtualTime;
  readonly random: Random;
  /** The process that watches. */
  readonly owner: Process;
}

const USUAL_DELAY_MS = 60;
const LIST_MS = 400;

/** Keeps stores as the API server has them: list, then events in their order, each a while after it happened. */
export function watchAll(sources: Sources, stores: Stores): Watching {
  const lanes = new Map<string, Lane>();
  const add = <T extends KubernetesResource>(type: ResourceType, store: ObjectStore<T>): void =>
    void lanes.set(type.kind, laneOf(sources, type, store));
  const [providers, identities, tables, serviceAccounts] = WATCHED;
  add<AwsOidcProvider>(providers, stores.providers);
  add<AwsFederatedIdentity>(identities, stores.identities);
  add<InjectionTable>(tables, stores.tables);
  add<KubernetesResource>(serviceAccounts, stores.serviceAccounts);
  stores.namespaces.replace([]); // no provider of the model selects by their labels
  return {
    stall: (kind, untilMs, how) => lanes.get(kind)?.stall(untilMs, how),
    stop: () => lanes.forEach((lane) => lane.stop()),
  };
}

interface Lane {
  stall(untilMs: number, how: 'late' | 'relist'): void;
  stop(): void;
}

/** One watch: a reflector and its connection. */
function laneOf<T extends KubernetesResource>(
  { api, time, random, owner }: Sources,
  type: ResourceType,
  store: ObjectStore<T>,
): Lane {
  let epoch = 0; // a list makes all events before it void
  let isListed = false;
  let notBefore = 0;
  const list = (atMs: number): void => {
    epoch += 1;
    isListed = false;
    const mine = epoch;
    const listed = (): void => {
      if (mine !== epoch) return;
      isListed = true;
      notBefore = time.now();
      store.replace(api.all<T>(type));
    };
    time.after(atMs - time.now(), listed, owner);
  };
  const deliver = ({ type: change, object }: Commit): void => {
    if (change === 'deleted') store.delete(object as T); // a commit of this kind
    else store.set(object as T); // as above
  };
  const stopListening = api.onCommit((commit) => {
    if (commit.kind !== type.kind || !isListed) return;
    const mine = epoch;
    notBefore = Math.max(notBefore, time.now() + random.below(USUAL_DELAY_MS));
    const arrived = (): void => {
      if (mine === epoch) deliver(commit);
    };
    time.after(notBefore - time.now(), arrived, owner);
  });
  list(time.now() + random.below(LIST_MS));
  return {
    stall: (untilMs, how) => {
      if (how === 'relist') list(untilMs);
      else notBefore = Math.max(notBefore, untilMs);
    },
    stop: () => {
      epoch += 1;
      stopListening();
    },
  };
}
