/** A subcommand as completion knows it. */
export interface CompletedCommand {
  readonly name: string;
  readonly description: string;
  /** Long flags, for example --namespace. */
  readonly flags: readonly string[];
}

export const SHELLS = ['bash', 'zsh', 'fish', 'kubectl'] as const;
export type Shell = (typeof SHELLS)[number];

/** The completion script of a shell; `kubectl` is the program by which kubectl itself completes a plugin in every shell. */
export function completionScript(shell: Shell, commands: readonly CompletedCommand[]): string {
  switch (shell) {
    case 'bash':
      return bash(commands);
    case 'zsh':
      return zsh(commands);
    case 'fish':
      return fish(commands);
    case 'kubectl':
      return kubectl(commands);
    default:
      return shell satisfies never;
  }
}

const names = (commands: readonly CompletedCommand[]): string => commands.map(({ name }) => name).join(' ');

const cases = (commands: readonly CompletedCommand[], indent: string): string =>
  commands.map(({ name, flags }) => `${indent}${name}) words='${flags.join(' ')}' ;;`).join('\n');

const bash = (commands: readonly CompletedCommand[]): string => `# source <(kubectl-aws_identity completion bash)
_kubectl_aws_identity() {
  local words=''
  if [ "$COMP_CWORD" -le 1 ]; then
    words='${names(commands)}'
  else
    case "\${COMP_WORDS[1]}" in
${cases(commands, '      ')}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _kubectl_aws_identity kubectl-aws_identity
`;

/** zsh's own array `words` holds the line, so ours has another name. */
const zsh = (commands: readonly CompletedCommand[]): string => `#compdef kubectl-aws_identity
# source <(kubectl-aws_identity completion zsh)
_kubectl_aws_identity() {
  local choices=''
  if [ "$CURRENT" -le 2 ]; then
    choices='${names(commands)}'
  else
    case "\${words[2]}" in
${cases(commands, '      ').replaceAll('words=', 'choices=')}
    esac
  fi
  compadd -- \${=choices}
}
compdef _kubectl_aws_identity kubectl-aws_identity
`;

function fish(commands: readonly CompletedCommand[]): string {
  const complete = 'complete -c kubectl-aws_identity -f';
  const lines = commands.flatMap(({ name, description, flags }) => [
    `${complete} -n __fish_use_subcommand -a ${name} -d '${description.replaceAll(/['\\]/g, String.raw`\$&`)}'`,
    ...flags.map((flag) => `${complete} -n '__fish_seen_subcommand_from ${name}' -l ${flag.slice(2)}`),
  ]);
  return `# kubectl-aws_identity completion fish | source\n${lines.join('\n')}\n`;
}

/** kubectl runs it with the words so far, and takes a line each; `:4` says that file names are none (cobra's directive). */
const kubectl = (commands: readonly CompletedCommand[]): string => `#!/bin/sh
# Put it as an executable file kubectl_complete-aws_identity on PATH: kubectl's own completion then knows this plugin.
words=''
if [ "$#" -le 1 ]; then
  words='${names(commands)}'
else
  case "$1" in
${cases(commands, '    ')}
  esac
fi
for last in "$@"; do :; done
for word in $words; do
  case "$word" in
    "\${last-}"*) echo "$word" ;;
  esac
done
echo ':4'
`;
