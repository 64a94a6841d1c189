import { type AwsOidcProvider, PROVIDERS } from '../../src/kube/kinds.ts';
import { encodeMarks } from '../../src/oidc/published-keys.ts';
import { CLUSTER, ISSUER } from '../support/builders.ts';
import { signingKey } from '../simulation/api-server.ts';
import type { World } from '../simulation/replica.ts';
import { type BucketView, judgeDocuments, type Publication } from './documents.ts';
import type { Violation } from './oracle.ts';

/** What happens to the keys of the cluster, and how the operator comes to look. */
export type KeyStep = { readonly at: number } & (
  | { readonly do: 'serve-keys'; readonly kids: readonly string[] }
  /** As if more than a day had passed since the operator missed the keys that are out of use. */
  | { readonly do: 'age-keys' }
  | { readonly do: 'ask-provider' }
);

export const isKeyStep = (step: { readonly do: string }): step is KeyStep =>
  ['serve-keys', 'age-keys', 'ask-provider'].includes(step.do);

const MISSING = 'federatedidentity-missing';
const MINUTE_MS = 60_000;
const DAY_MINUTES = 26 * 60;

/** The documents in the bucket of a simulated world: changes what they follow from, and judges them. */
export class SimulatedDocuments {
  readonly #world: World;
  #retired = new Set<string>();
  #moments: BucketView[] = [];
  #before: BucketView = new Map();
  #withdrawnFrom: string | undefined;

  constructor(world: World) {
    this.#world = world;
    world.bucket.onWrite(() => void this.#moments.push(this.#view()));
    world.api.onCommit(({ kind, type, object }) => {
      if (kind === PROVIDERS.kind && type === 'deleted') this.#withdrawnFrom = prefixOf(object as AwsOidcProvider);
    });
  }

  carryOut(step: KeyStep): void {
    const { api, bucket, now, time } = this.#world;
    switch (step.do) {
      case 'serve-keys':
        for (const { kid } of api.keys) if (!step.kids.includes(kid)) this.#retired.add(kid);
        api.keys = step.kids.map(signingKey);
        return;
      case 'age-keys': {
        const keys = [...this.#retired].map(signingKey);
        const minutes = Math.floor(now().getTime() / MINUTE_MS) - DAY_MINUTES; // marks are whole minutes
        const since = new Date(minutes * MINUTE_MS);
        const marks = encodeMarks({ keys, missingSince: new Map(keys.map(({ kid }) => [kid, since])) });
        for (const [key, object] of bucket.state)
          if (object.metadata[MISSING] !== undefined)
            bucket.state.set(key, { ...object, metadata: { ...object.metadata, [MISSING]: marks } });
        this.#retired.clear();
        return;
      }
      case 'ask-provider':
        return api.edit(PROVIDERS, { name: 'default' }, (object) => ({
          ...object,
          metadata: { ...object.metadata, annotations: { 'federatedidentity.dev/requestedAt': `t${time.now()}` } },
        }));
      default:
        return step satisfies never;
    }
  }

  /** A chapter begins. */
  begin(): void {
    this.#moments = [];
    this.#before = this.#view();
    this.#withdrawnFrom = undefined;
  }

  /** What is wrong since the chapter began. */
  judge(): readonly Violation[] {
    const publication: Publication = {
      cluster: CLUSTER,
      issuer: ISSUER,
      prefix: prefixOf(this.#world.api.read<AwsOidcProvider>(PROVIDERS, { name: 'default' })),
      withdrawnFrom: this.#withdrawnFrom,
      served: this.#world.api.keys,
      retired: [...this.#retired].map(signingKey),
      before: this.#before,
    };
    return judgeDocuments([...this.#moments, this.#view()], publication);
  }

  #view(): BucketView {
    const { state } = this.#world.bucket;
    return new Map(
      [...state].map(([key, { body, contentType, cacheControl, metadata }]) => [
        key,
        { body, contentType, cacheControl, metadata },
      ]),
    );
  }
}

const prefixOf = (provider: AwsOidcProvider | undefined): string | undefined =>
  provider?.spec.issuer?.publish?.s3.prefix;
