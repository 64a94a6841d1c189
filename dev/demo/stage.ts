import type { Call } from '../aws/calls.ts';
import type { Stack } from '../stack/stack.ts';
import type { Narrator } from './narrator.ts';

/** Where a step plays: the stack, and the one who tells. */
export interface Stage extends AsyncDisposable {
  readonly stack: Stack;
  readonly narrator: Narrator;
}

/** Shows a kubectl command, runs it, and shows what it prints. `\` and a line break in it are for the eye. */
export async function kubectl({ stack, narrator }: Stage, line: string, input?: string): Promise<string> {
  narrator.command(`kubectl ${line}`, input);
  const output = await quietly(stack, line, input);
  narrator.show(output);
  return output;
}

/** Runs a kubectl command without a word. No argument of it may hold a space. */
export const quietly = ({ kubectl: run }: Stack, line: string, input?: string): Promise<string> =>
  run(line.replaceAll('\\\n', ' ').trim().split(/\s+/), input);

/** The message of an object's condition Ready, once it has this reason, or the last one after 30 s. */
export async function readyMessage(stack: Stack, object: string, reason: string): Promise<string> {
  const path = '{range.status.conditions[?(@.type=="Ready")]}{.reason}:{.message}{end}';
  const seen = await until(
    () => quietly(stack, `get ${object} -o jsonpath=${path}`),
    (text) => text.startsWith(`${reason}:`),
  );
  return seen.replace(':', ': ');
}

const isOperator = ({ principal }: Call): boolean => principal.endsWith(':user/federated-identity-operator');

/** Calls of the operator to AWS after a mark of the call log. */
export const operatorCalls = ({ aws }: Stack, mark = 0): readonly Call[] => aws.calls.since(mark).filter(isOperator);

/** Those of them that changed something. */
export const operatorWrites = (stack: Stack, mark = 0): readonly Call[] =>
  stack.aws.calls.writes(mark).filter(isOperator);

export const operations = (calls: readonly Call[]): readonly string[] => calls.map(({ operation }) => operation);

/** Who called what with which policy, as CloudTrail would list it. */
export const trail = (calls: readonly Call[]): string =>
  calls
    .map(({ principal, operation, parameters }) => {
      const who = principal.split(/[:/]/).at(-1) ?? principal;
      const policy = parameters['PolicyArn']?.split('/').at(-1) ?? '';
      return `${who.padEnd(28)} ${operation.padEnd(31)} ${policy}`.trimEnd();
    })
    .join('\n');

/** Asks until the answer is accepted. Resolves with it, or with the last one after the patience is over. */
export async function until<T>(
  ask: () => Promise<T> | T,
  accepts: (answer: T) => boolean,
  patienceMs = 30_000,
): Promise<T> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const answer = await ask();
    if (accepts(answer) || Date.now() > deadline) return answer;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
