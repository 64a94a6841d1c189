import { Argument, Command } from 'commander';
import { type CompletedCommand, completionScript, type Shell, SHELLS } from './completion-script.ts';
import type { Terminal } from './terminal.ts';

const HELP = `
Examples:
  source <(kubectl-aws_identity completion bash)
  kubectl-aws_identity completion fish | source
  kubectl aws-identity completion kubectl > ~/bin/kubectl_complete-aws_identity && chmod +x ~/bin/kubectl_complete-aws_identity
The last one lets kubectl's own completion complete "kubectl aws-identity", in every shell.
`;

/** The command `completion`, for the commands that `program` has when it runs. */
export const completionCommand = (terminal: Terminal, program: Command): Command =>
  new Command('completion')
    .description('Print a completion script.')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .configureHelp({ commandUsage: () => 'kubectl aws-identity completion <shell>' })
    .addHelpText('after', HELP)
    .action((shell: Shell) => terminal.write(completionScript(shell, program.commands.map(completed))));

const completed = (command: Command): CompletedCommand => ({
  name: command.name(),
  description: command.description(),
  flags: [...command.options.flatMap(({ long }) => (typeof long === 'string' ? [long] : [])), '--help'],
});
