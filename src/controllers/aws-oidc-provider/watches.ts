import type { AwsFederatedIdentity, AwsOidcProvider } from '../../kube/kinds.ts';
import { nameOf } from '../../kube/resource.ts';
import type { Source } from '../../runtime/controller.ts';
import type { ObjectStore } from '../../runtime/object-store.ts';
import { needsReconcile } from '../../runtime/predicates.ts';

/** What wakes a provider: itself, and identities that come and go, since it counts them and waits for the last. */
export function providerWatches(stores: {
  readonly providers: ObjectStore<AwsOidcProvider>;
  readonly identities: ObjectStore<AwsFederatedIdentity>;
}): readonly [Source<AwsOidcProvider>, Source<AwsFederatedIdentity>] {
  return [
    { store: stores.providers, toRequests: (change) => (needsReconcile(change) ? [nameOf(change.object)] : []) },
    {
      store: stores.identities,
      // When thousands come or go, each count would be a write to its status.
      toRequests: ({ type, object }) =>
        type === 'updated' ? [] : [{ name: object.spec.providerRef.name, isSpaced: true }],
    },
  ];
}
