import { execFile } from 'node:child_process';
import { describe, expect, inject, test } from 'vitest';
import { type Example, examplesOf, PAGES } from '../../scripts/pages.ts';

// The objects of all pages go to the real API server at once, by a server-side dry run: schema, CEL rules and unknown fields.

const examples = PAGES.flatMap(examplesOf);

interface Answer {
  readonly output: string;
  readonly complaint: string;
}

/** `kubectl create` of a list, which goes on after an object that is refused. */
function dryRun(objects: readonly Example['object'][]): Promise<Answer> {
  const args = ['create', '--dry-run=server', '--validate=strict', '-o', 'name', '-f', '-'];
  const env = { ...process.env, KUBECONFIG: inject('kubeconfig') };
  const { promise, resolve } = Promise.withResolvers<Answer>();
  const child = execFile(inject('kubectl'), args, { env }, (_error, output, complaint) =>
    resolve({ output, complaint }),
  );
  child.stdin?.end(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
  return promise;
}

/** In a namespace that is there, and under a name of its own: many pages show the same object. */
const placed = ({ object }: Example, index: number): Example['object'] => ({
  ...object,
  metadata: {
    ...object.metadata,
    name: `example-${index}`,
    ...(object.kind === 'AwsFederatedIdentity' ? { namespace: 'default' } : {}),
  },
});

describe('the objects that the pages show', () => {
  test('are taken by the API server', async () => {
    const { output, complaint } = await dryRun(examples.map(placed));
    expect(complaint).toBe('');
    expect(output.trim().split('\n')).toHaveLength(examples.length);
    expect(examples.length).toBeGreaterThan(20);
  });

  test.each([
    { spec: { serviceAccount: { name: 'a', creat: true } }, says: 'unknown field "creat"' },
    { spec: { serviceAccount: { name: 'a' }, role: { tags: { 'aws:x': '' } } }, says: "'aws:' are reserved" },
  ])('would be refused with $spec', async ({ spec, says }) => {
    const metadata = { name: 'wrong', namespace: 'default' };
    const object = { apiVersion: 'federatedidentity.dev/v1alpha1', kind: 'AwsFederatedIdentity', metadata, spec };
    expect((await dryRun([object])).complaint).toContain(says);
  });
});
