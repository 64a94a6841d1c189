import { dumpYaml, loadAllYaml } from '@kubernetes/client-node';

/** Objects as documents of one YAML stream, as `kubectl apply -f -` reads it. Long expressions stay on one line. */
export const yamlStream = (objects: readonly object[]): string =>
  objects.map((object) => dumpYaml(object, { lineWidth: -1, noRefs: true })).join('---\n');

/** The documents of a YAML stream, empty ones left out. Throws an Error that says where the text is no YAML. */
export const parseYaml = (text: string): readonly unknown[] =>
  text
    .split(/^---(?:[ \t].*)?$/m) // a marker is one only at the beginning of a line, and no content of a document can stand there
    .filter((document) => /^\s*[^\s#]/m.test(document))
    .flatMap((document): readonly unknown[] => loadAllYaml(document));
