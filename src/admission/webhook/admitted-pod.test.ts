import { expect, test } from 'vitest';
import { AdmittedPod } from './admitted-pod.ts';

const pod = (containers: unknown): unknown => ({ metadata: {}, spec: { containers } });
const problems = (containers: unknown): readonly string[] =>
  AdmittedPod.safeParse(pod(containers)).error?.issues.map(({ path, message }) => `${path.join('.')} ${message}`) ?? [];

test('as many containers as any pod may have are read, and not a million empty ones [F57 S9]', () => {
  expect(problems(Array.from({ length: 1000 }, () => ({})))).toEqual([]);
  expect(problems(Array.from({ length: 1001 }, () => ({})))).toEqual(['spec.containers are more than 1000']);
});

test('of a list of what are no containers the first is told [F57 S9]', () => {
  const wrong = Array.from({ length: 10_000 }, () => 1);
  expect(problems(wrong)).toEqual(['spec.containers.0 Invalid input: expected object, received number']);
});

test('lists and maps that Go writes as null are absent', () => {
  const { spec, metadata } = AdmittedPod.parse({
    metadata: { annotations: null },
    spec: { containers: [{ name: 'a', env: null, volumeMounts: null }], initContainers: null, volumes: null },
  });
  expect(metadata.annotations).toBeUndefined();
  expect(spec).toEqual({ containers: [{ name: 'a' }] });
});
