import { describe, expect, test } from 'vitest';
import { roleArn } from '../../../test/support/builders.ts';
import { type Injection, pendingEntry, TABLE_NAME, tableEntry } from '../../kube/injection-table.ts';
import { podRoles } from './pod-roles.ts';

const inTable: Injection = {
  roleArn: roleArn(),
  audience: 'own',
  tokenExpirationSeconds: 900,
  region: undefined,
  stsRegionalEndpoints: true,
};

interface Scene {
  readonly entry?: string;
  readonly isSynced?: boolean;
  readonly stoodStill?: boolean;
}

function scene({ entry, isSynced = true, stoodStill = false }: Scene) {
  return podRoles({
    tables: {
      isSynced,
      get: ({ namespace, name }) =>
        namespace === 'team' && name === TABLE_NAME && entry !== undefined
          ? { metadata: { namespace, name }, data: { app: entry } }
          : undefined,
    },
    stoodStill: () => stoodStill,
  });
}

describe('pods get', () => {
  test.each<{ name: string; given: Scene; expected: Injection | undefined }>([
    { name: 'what the table says', given: { entry: tableEntry(inTable) }, expected: inTable },
    { name: 'nothing while an identity is pending', given: { entry: pendingEntry('app', 'X') }, expected: undefined },
    { name: 'nothing of an entry that nobody of ours wrote', given: { entry: 'x' }, expected: undefined },
    { name: 'nothing where the table says nothing', given: {}, expected: undefined },
  ])('$name', ({ given, expected }) => {
    expect(scene(given)('team', 'app')).toEqual(expected);
  });

  test.each<{ name: string; given: Scene; message: string }>([
    { name: 'the tables are not read yet', given: { isSynced: false }, message: 'not read yet' },
    {
      name: 'the replica stood still',
      given: { entry: tableEntry(inTable), stoodStill: true },
      message: 'may be those of before',
    },
  ])('an error while $name, so that the table gate denies those of the table', ({ given, message }) => {
    expect(() => scene(given)('team', 'app')).toThrow(message);
  });
});
