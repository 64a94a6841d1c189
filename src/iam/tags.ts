/** Prefix of the tags by which the operator knows what is its own. Users cannot set tags under it. */
export const OWNER_TAG_PREFIX = 'federatedidentity.dev/';

/** Of this tag alone the cluster is read; the policy of the operator rests on it. */
export const CLUSTER_TAG = `${OWNER_TAG_PREFIX}cluster`;
const NAMESPACE = `${OWNER_TAG_PREFIX}namespace`;
const NAME = `${OWNER_TAG_PREFIX}name`;
const UID = `${OWNER_TAG_PREFIX}uid`;

export type Tags = ReadonlyMap<string, string>;

/** The object of which cluster an AWS object belongs to. Clusters are told apart by the UID of their kube-system namespace. */
export interface Owner {
  readonly cluster: string;
  /** Absent for cluster-scoped owners. */
  readonly namespace?: string | undefined;
  readonly name: string;
  readonly uid: string;
}

export const ownerTags = ({ cluster, namespace, name, uid }: Owner): Tags =>
  new Map([
    [CLUSTER_TAG, cluster],
    ...(namespace === undefined ? [] : [[NAMESPACE, namespace] as const]),
    [NAME, name],
    [UID, uid],
  ]);

/** Whom the tags name as the owner: undefined unless cluster, name and UID are all there. */
export function ownerOf(tags: Tags): Owner | undefined {
  const [cluster, name, uid] = [tags.get(CLUSTER_TAG), tags.get(NAME), tags.get(UID)];
  if (cluster === undefined || name === undefined || uid === undefined) return undefined;
  return { cluster, namespace: tags.get(NAMESPACE), name, uid };
}

/** Whether only the operator may set the tag. To IAM, keys that differ only in case are one key, and the last writer has it. */
export const isReserved = (key: string): boolean => key.toLowerCase().startsWith(OWNER_TAG_PREFIX);

/**
 * The value of a role's tag as IAM finds it: keys that differ only in case are one. Of the operator's own tags only the exact
 * key counts, so that one in other letters, which proves no ownership, is written again.
 */
export function tagOf(tags: Tags, key: string): string | undefined {
  if (tags.has(key) || isReserved(key)) return tags.get(key);
  const wanted = key.toLowerCase();
  return tags.entries().find(([one]) => one.toLowerCase() === wanted)?.[1];
}

/** Ownership needs the cluster and the UID: a name alone can be taken again by somebody else. */
export const isOwnedBy = (tags: Tags, owner: Owner): boolean =>
  tags.get(CLUSTER_TAG) === owner.cluster && tags.get(UID) === owner.uid;

/** Whether no operator of any cluster claims the object. */
export const isUnowned = (tags: Tags): boolean => ![...tags.keys()].some((key) => key.startsWith(OWNER_TAG_PREFIX));

/** Whether every owner tag that is there names this owner; some or all of them may have been removed. */
export function lacksOtherOwner(tags: Tags, owner: Owner): boolean {
  const ours = ownerTags(owner);
  return [...tags].every(([key, value]) => !key.startsWith(OWNER_TAG_PREFIX) || ours.get(key) === value);
}

/** Whether an earlier object of the same cluster and name owned it: one that was deleted and made anew. */
export const wasOwnedByNamesake = (tags: Tags, { cluster, namespace, name }: Owner): boolean =>
  tags.get(CLUSTER_TAG) === cluster && tags.get(NAMESPACE) === namespace && tags.get(NAME) === name;

/** Who an AWS object belongs to, for a message. */
export function describeOwner(tags: Tags): string {
  const cluster = tags.get(CLUSTER_TAG);
  if (cluster === undefined) return 'it carries no tags of this operator, so somebody else made it';
  const object = [tags.get(NAMESPACE), tags.get(NAME)].filter((part) => part !== undefined).join('/');
  return `its tags say that it belongs to ${object} (uid ${tags.get(UID)}) of the cluster ${cluster}`;
}
