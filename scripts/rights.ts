// What the operator used of its rights in all e2e tests, held against what config/ gives it: nothing more, nothing less.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import type { UsedRight } from '../dev/stack/audit-trail.ts';

const CONFIG = fileURLToPath(new URL('../config', import.meta.url));
/** The rights of the operator, in either mode of injection. Those for people, in identity_roles.yaml, are not its own. */
const MANIFESTS = ['rbac/role.yaml', 'rbac/leader_election_role.yaml', 'webhook/role.yaml'];

/** Rights that no request shows, or hardly any, by their key. */
const UNSEEN: ReadonlyMap<string, string> = new Map([
  [
    'create serviceaccounts',
    'server-side apply of an object that is not there asks for it within the patch, which is what the audit log has',
  ],
  ['patch events.k8s.io/events', 'counts repeats of an Event, of which a quick run may have none'],
  ...['list', 'watch', 'patch'].map(
    (verb) =>
      [
        `${verb} admissionregistration.k8s.io/mutatingwebhookconfigurations`,
        'of webhook mode, in which test/integration/webhook*.test.ts run the parts that use it',
      ] as const,
  ),
]);

interface Rule {
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
  readonly verbs: readonly string[];
}

const key = ({ verb, group = '', resource = '', path }: Omit<UsedRight, 'allowed'>): string =>
  `${verb} ${path ?? (group === '' ? resource : `${group}/${resource}`)}`;

/** What the rules of Roles and ClusterRoles allow, as `verb group/resource` or `verb /path`. */
export function grantedRights(manifests: readonly string[]): ReadonlySet<string> {
  const rules = manifests
    .flatMap((text) => parseAllDocuments(text))
    .flatMap((document) => (document.toJS() as { readonly rules?: readonly Rule[] } | null)?.rules ?? []);
  return new Set(
    rules.flatMap(({ verbs, apiGroups = [], resources = [], nonResourceURLs = [] }) =>
      verbs.flatMap((verb) => [
        ...apiGroups.flatMap((group) => resources.map((resource) => key({ verb, group, resource }))),
        ...nonResourceURLs.map((path) => key({ verb, path })),
      ]),
    ),
  );
}

/** What is wrong with the rights, as sentences; none if they are those that are used. */
export function judgeRights(granted: ReadonlySet<string>, used: readonly UsedRight[]): readonly string[] {
  if (used.length === 0) return ['no e2e test has left what the operator used of its rights'];
  const asked = new Set(used.map(key));
  const seen = new Set(used.filter(({ allowed }) => allowed).map(key));
  return [
    ...[...asked.difference(granted)].map((right) => `missing: the operator asked for "${right}", which config/ lacks`),
    ...[...granted.difference(seen)]
      .filter((right) => !UNSEEN.has(right))
      .map((right) => `unused: config/ allows "${right}", which no e2e test has the operator use`),
    ...[...UNSEEN.keys()].filter((right) => !granted.has(right)).map((right) => `excused, but not granted: "${right}"`),
  ];
}

/** Judges what the stacks of the e2e tests have left in a folder. */
export async function judgeUsedRights(folder: string): Promise<readonly string[]> {
  const manifests = await Promise.all(MANIFESTS.map((file) => readFile(join(CONFIG, file), 'utf8')));
  const left = await Promise.all((await readdir(folder)).map((file) => readFile(join(folder, file), 'utf8')));
  return judgeRights(
    grantedRights(manifests),
    left.flatMap((text): readonly UsedRight[] => JSON.parse(text)),
  );
}
