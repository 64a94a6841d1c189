/** What can go wrong, each by the name that the titles of its tests end with, as in `… is asked again [F25 F29]`. */
export interface Fault {
  readonly id: string;
  readonly fault: string;
  /** Why no test holds it. */
  readonly unproven?: string;
}

export interface FaultGroup {
  readonly title: string;
  readonly faults: readonly Fault[];
}

const rows = (letter: 'F' | 'S', first: number, texts: readonly (string | Omit<Fault, 'id'>)[]): readonly Fault[] =>
  texts.map((text, index) => ({
    id: `${letter}${first + index}`,
    ...(typeof text === 'string' ? { fault: text } : text),
  }));

export const FAULTS: readonly FaultGroup[] = [
  {
    title: 'API server, etcd and watches',
    faults: rows('F', 1, [
      'the API server restarts, and all connections break',
      'the version to watch on from is too old (410 Gone), and deletions were missed',
      'the API server asks for patience: 429 with Retry-After',
      'a write meets another one: 409',
      'a watch goes silent, and its connection stays open',
      'the API server is slow, or does not answer a request',
      'frames of a watch are cut, split within a character, repeated, out of order, bookmarks, or errors',
      'an object lacks its status, or has the fields of another version',
      "the operator's rights are taken away while it runs",
      "the API server's certificate authority, or the operator's token, is another one now",
      'etcd is restored from a backup that is older than AWS (roles whose identity it lacks are left alone, and told)',
      "the operator's cache is older than its own write",
    ]),
  },
  {
    title: 'Process and leadership',
    faults: rows('F', 13, [
      'the process is killed at any point',
      'a leader loses its Lease in the middle of its work, or is stopped and goes on later',
      'two believe that they lead: Lease deleted, taken or edited, clocks apart',
      'the process is asked to stop in the middle of its work',
      'ten thousand objects: memory, and a start without a rush',
      'a bug throws in the reconcile of one object',
      'the event loop is blocked',
      'a port is taken, or a setting is wrong, at the start',
    ]),
  },
  {
    title: 'A crash or a lost answer between two steps',
    faults: rows('F', 21, [
      'between finalizer and CreateRole',
      'between CreateRole and status',
      'between two policies',
      'during the deletion; and the object comes back by the same name at once',
      'AWS did it, and the answer is lost',
      'a call is sent twice',
    ]),
  },
  {
    title: 'AWS',
    faults: rows('F', 27, [
      'it throttles every call, for minutes',
      'it fails (5xx), or cannot be reached',
      'IAM reads what was before the last write',
      'STS does not know a new role or provider yet',
      'it refuses a document as malformed',
      'it denies a single action',
      'an organization policy or a boundary denies it',
      "the operator's credentials expire or are revoked",
      'the credentials are those of another account',
      'a quota is reached',
      'a role cannot be deleted, since somebody attached something to it',
      'somebody else writes the same role at the same moment',
      'a role is edited by hand: trust, policies, boundary, tags',
      'a role is deleted by hand',
      'a role is replaced by another one of the same name',
      'a role of this name exists, and is of somebody else',
      'two clusters in one account, with the same namespace and name',
      'two identities want the same ServiceAccount or role',
      'the OIDC provider exists already, and is of somebody else',
      'audiences or thumbprints of the OIDC provider are changed by hand',
      'other partitions, and endpoints of regions',
      'clocks differ: SignatureDoesNotMatch, RequestTimeTooSkewed',
    ]),
  },
  {
    title: 'Life of the objects in Kubernetes',
    faults: rows('F', 49, [
      'a namespace is deleted while AWS cannot be reached',
      'a CRD is deleted',
      'the operator is uninstalled before its objects',
      'a provider is deleted while identities use it',
      'a provider is deleted and made anew for another account',
      'role name, provider or account of a spec are edited',
      'a spec flaps, ten edits a second',
      'a ServiceAccount or its annotations are deleted',
      'objects that are far too large',
      'a pod is created before its role is ready',
      'the webhook is down, or its certificate has expired',
      'pods of any shape: own variables, clashes of names, init containers, Windows',
      'upgrade and downgrade with objects in flight',
    ]),
  },
  {
    title: 'Issuer and tokens',
    faults: rows('F', 62, [
      'the issuer cannot be reached from the operator',
      "the issuer's certificate or its authority changes",
      "the issuer's keys: rotated, missing, twice, of other algorithms; its document names another issuer",
      'the cluster signs as another issuer than the spec says',
      'a clock is wrong, so that tokens are of the past or the future',
      'an issuer that is slow, huge, redirects, or leads into a private network',
    ]),
  },
  {
    title: 'Malice in a spec',
    faults: rows('F', 68, [
      'the name or path of a powerful role',
      'policies that give more than the platform team allows',
      "another namespace's ServiceAccount as subject, or a pattern",
      'an issuer that leads elsewhere, or is that of another cluster',
      'line breaks, escapes and JSON in names, tags and messages',
      'patterns that make a matcher run for ever',
      '`__proto__`, duplicate keys, lone surrogates, ten thousand levels, huge numbers',
      "the annotation of another identity's role",
      'a status that a tenant wrote, ownership tags that a tenant asks for',
      'ten thousand identities of one tenant',
      'tokens and credentials in logs, Events, status and metrics',
    ]),
  },
  {
    title: 'Threats',
    faults: rows('S', 1, [
      'take over a role by its name',
      'rise by policies',
      'confuse the deputy across namespaces',
      'the same issuer, namespace and ServiceAccount in another cluster',
      'replay a token',
      "abuse the operator's right to request tokens",
      "reach into the operator's network through an issuer (SSRF)",
      'stand between operator and issuer',
      'attack the webhook',
      'slip in a pod that falls back to the rights of its node',
      'exhaust the operator as a tenant',
      'what a stolen operator can do',
      'delete an identity to do harm',
      'poison what the operator is built from',
      'steer logs, Events and terminals; leak secrets',
      'inherit trust that was left behind, by re-creating a namespace or ServiceAccount',
      'widen trust by hand, from inside AWS',
    ]),
  },
];
