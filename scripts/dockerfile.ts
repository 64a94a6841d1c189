import { readFile } from 'node:fs/promises';

/** An instruction of a Dockerfile; lines that a backslash continues are one. */
export interface Instruction {
  readonly name: string;
  readonly args: readonly string[];
}

/** How the image starts, of its last stage. */
export interface Start {
  /** Entrypoint and command. */
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** "65532:65532" */
  readonly user: string;
  /** Where files of the build stage lie in the image. */
  readonly files: readonly { readonly from: string; readonly to: string }[];
}

/** Instructions of a Dockerfile in their order, without comments. */
export async function readDockerfile(file: string): Promise<readonly Instruction[]> {
  const text = (await readFile(file, 'utf8')).replaceAll('\\\n', '');
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [name = '', ...args] = line.split(/\s+/);
      return { name, args };
    });
}

/** What the last stage says of its process. Throws when it has no entrypoint or no user. */
export function startOf(instructions: readonly Instruction[]): Start {
  const last = instructions.slice(instructions.findLastIndex(({ name }) => name === 'FROM'));
  const all = (wanted: string): readonly (readonly string[])[] =>
    last.filter(({ name }) => name === wanted).map(({ args }) => args);
  const list = (wanted: string): readonly string[] => {
    const value: readonly string[] = JSON.parse(all(wanted).at(-1)?.join(' ') ?? '[]');
    return value;
  };
  const [user] = all('USER').at(-1) ?? [];
  const command = [...list('ENTRYPOINT'), ...list('CMD')];
  if (user === undefined || command.length === 0) throw new Error('the Dockerfile lacks USER or ENTRYPOINT');
  const pairs = all('ENV').flatMap((args) => args.join(' ').match(/\w+=("[^"]*"|\S+)/g) ?? []);
  const environment = pairs.map((pair) => {
    const [name = '', ...value] = pair.split('=');
    return [name, value.join('=').replaceAll('"', '')] as const;
  });
  const files = all('COPY').map((args) => ({ from: args.at(-2) ?? '', to: args.at(-1) ?? '' }));
  return { command, environment: Object.fromEntries(environment), user, files };
}
