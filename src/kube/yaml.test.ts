import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { admissionManifests, webhookManifests } from '../admission/manifests.ts';
import { defaultAdmissionOptions } from '../admission/options.ts';
import { parseYaml, yamlStream } from './yaml.ts';

test.each([
  { mode: 'policy', objects: admissionManifests(defaultAdmissionOptions) },
  { mode: 'webhook', objects: webhookManifests(defaultAdmissionOptions) },
])('another parser reads the very objects that were written: $mode', ({ objects }) => {
  expect(parseAllDocuments(yamlStream(objects)).map((document) => document.toJS())).toEqual(objects);
});

test.each([
  { name: 'one document', text: 'a: 1\n', documents: [{ a: 1 }] },
  { name: 'several', text: '---\na: 1\n--- # second\nb: |\n  ---\n  x\n', documents: [{ a: 1 }, { b: '---\nx\n' }] },
  { name: 'none in empty ones', text: '---\n# nothing\n---\n\n---\na: 1\n---\n', documents: [{ a: 1 }] },
])('reads $name', ({ text, documents }) => {
  expect(parseYaml(text)).toEqual(documents);
});

test('says where a text is no YAML', () => {
  expect(() => parseYaml('a: [')).toThrow(/1:5|line/);
});
