import { describe, expect, test } from 'vitest';
import { roleArn } from '../../../test/support/builders.ts';
import { type Injection, pendingEntry, TABLE_NAME, tableEntry } from '../../kube/injection-table.ts';
import type { KubernetesResource } from '../../kube/resource.ts';
import { podRoles } from './pod-roles.ts';

const ARN = roleArn();
const defaults = {
  annotationPrefix: 'eks.amazonaws.com',
  audience: 'sts.amazonaws.com',
  tokenExpirationSeconds: 86_400,
  region: 'eu-west-1',
};
const inTable: Injection = {
  roleArn: ARN,
  audience: 'own',
  tokenExpirationSeconds: 900,
  region: undefined,
  stsRegionalEndpoints: true,
};
const annotated = (arn: string): KubernetesResource => ({
  metadata: { namespace: 'team', name: 'app', annotations: { 'eks.amazonaws.com/role-arn': arn } },
});
const byAnnotation = {
  roleArn: ARN,
  audience: 'sts.amazonaws.com',
  tokenExpirationSeconds: 86_400,
  region: 'eu-west-1',
  stsRegionalEndpoints: true,
};

interface Scene {
  readonly entry?: string;
  readonly tablesSynced?: boolean;
  readonly cached?: KubernetesResource;
  readonly live?: KubernetesResource | Error;
}

function scene({ entry, tablesSynced = true, cached, live }: Scene) {
  const reads: string[] = [];
  const lookup = podRoles({
    tables: {
      isSynced: tablesSynced,
      get: ({ namespace, name }) =>
        namespace === 'team' && name === TABLE_NAME && entry !== undefined
          ? { metadata: { namespace, name }, data: { app: entry } }
          : undefined,
    },
    serviceAccounts: {
      get: ({ namespace, name }) => (namespace === 'team' && name === 'app' ? cached : undefined),
    },
    readServiceAccount: async ({ namespace, name }) => {
      reads.push(`${namespace}/${name}`);
      if (live instanceof Error) throw live;
      return live;
    },
    defaults: () => defaults,
  });
  return { lookup, reads };
}

describe('pods get', () => {
  test.each<{ name: string; given: Scene; expected: Injection | undefined; reads: number }>([
    { name: 'what the table says', given: { entry: tableEntry(inTable) }, expected: inTable, reads: 0 },
    {
      name: 'what the table says, whatever is annotated',
      given: { entry: tableEntry(inTable), cached: annotated(ARN) },
      expected: inTable,
      reads: 0,
    },
    {
      name: 'nothing while an identity is pending',
      given: { entry: pendingEntry('app', 'X'), cached: annotated(ARN) },
      expected: undefined,
      reads: 0,
    },
    {
      name: 'nothing of an entry that nobody of ours wrote',
      given: { entry: 'x', cached: annotated(ARN) },
      expected: undefined,
      reads: 0,
    },
    {
      name: 'what is annotated, where the table says nothing',
      given: { cached: annotated(ARN) },
      expected: byAnnotation,
      reads: 0,
    },
    { name: 'nothing where nothing is annotated', given: { cached: annotated('') }, expected: undefined, reads: 0 },
    {
      name: 'nothing of an annotation that is no role',
      given: { cached: annotated('x') },
      expected: undefined,
      reads: 0,
    },
    {
      name: 'what is annotated on a ServiceAccount that is only just there',
      given: { live: annotated(ARN) },
      expected: byAnnotation,
      reads: 1,
    },
    { name: 'nothing of a ServiceAccount that does not exist', given: {}, expected: undefined, reads: 1 },
  ])('$name', async ({ given, expected, reads }) => {
    const { lookup, reads: done } = scene(given);
    expect(await lookup('team', 'app')).toEqual(expected);
    expect(done).toEqual(Array.from({ length: reads }, () => 'team/app'));
  });

  test.each<{ name: string; given: Scene; message: string }>([
    { name: 'the API server does not answer', given: { live: new Error('no answer') }, message: 'no answer' },
    { name: 'the tables are not read yet', given: { tablesSynced: false, cached: annotated(ARN) }, message: 'tables' },
  ])('an error where $name', async ({ given, message }) => {
    await expect(scene(given).lookup('team', 'app')).rejects.toThrow(message);
  });
});
