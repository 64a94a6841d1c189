import {
  type Health,
  type IdentityNode,
  isAsWanted,
  type PodNode,
  type ProviderNode,
  type State,
} from './status-tree.ts';
import { type Paint, type Style, visible } from './terminal.ts';

export interface TextOptions {
  readonly paint: Paint;
  /** Columns to cut lines to; undefined leaves them whole. */
  readonly columns: number | undefined;
  /** Also role ARNs and the phase of pods. */
  readonly isWide: boolean;
}

const MARKS: Readonly<Record<State, { readonly sign: string; readonly style: Style }>> = {
  ready: { sign: '✓', style: 'green' },
  progressing: { sign: '…', style: 'yellow' },
  failed: { sign: '✗', style: 'red' },
  suspended: { sign: '‖', style: 'yellow' },
  hidden: { sign: '?', style: 'dim' },
};

interface Line {
  readonly state: State;
  readonly text: string;
  readonly children: readonly Line[];
}

/** The tree for a person: one line for each object. Empty for no tree. */
export const statusText = (tree: readonly ProviderNode[], options: TextOptions): string =>
  tree
    .map((provider) => providerLine(provider, options))
    .flatMap((line) => drawn(line, '', '', options))
    .map((line) => `${line}\n`)
    .join('');

function providerLine({ name, accountId, health, identities }: ProviderNode, options: TextOptions): Line {
  const account = accountId === undefined ? '' : ` (account ${accountId})`;
  return {
    state: health.state,
    text: `AwsOidcProvider ${name}${account}${whatIsWrong(health)}`,
    children: identities.map((identity) => identityLine(identity, options)),
  };
}

function identityLine(identity: IdentityNode, options: TextOptions): Line {
  const { namespace, name, roleArn, health, serviceAccount } = identity;
  const { exists, pods } = serviceAccount;
  const role = options.isWide && roleArn !== undefined ? ` (${roleArn})` : '';
  return {
    state: health.state,
    text: `${namespace}/${name}${role}${whatIsWrong(health)}${podsToRestart(identity)}`,
    children: [
      {
        state: exists ? 'ready' : 'failed',
        text: `ServiceAccount ${serviceAccount.name}${exists ? '' : '  does not exist'}`,
        children: pods.map((pod) => podLine(pod, options)),
      },
    ],
  };
}

/** What the operator counted, where a restart helps. */
function podsToRestart({ namespace, name, counts }: IdentityNode): string {
  if (counts === undefined || counts.notInjected + counts.stale === 0) return '';
  const { bound, notInjected, stale } = counts;
  return `  pods: ${bound}, ${notInjected} not injected, ${stale} stale; next: kubectl aws-identity restart ${name} -n ${namespace} --stale`;
}

const podLine = (pod: PodNode, { isWide }: TextOptions): Line => ({
  state: isAsWanted(pod) ? 'ready' : 'failed',
  text: `Pod ${pod.name}${isWide ? ` (${pod.phase})` : ''}  ${podText(pod)}`,
  children: [],
});

function podText({ injection }: PodNode): string {
  switch (injection) {
    case 'injected':
      return 'injected';
    case 'opted out':
      return 'not injected, by its annotation';
    case 'not injected':
      return 'not injected: it runs without credentials until it is replaced';
    case 'other role':
      return 'other role: it keeps that until it is replaced';
    default:
      return injection satisfies never;
  }
}

/** Nothing for an object that is simply ready. */
function whatIsWrong({ state, reason, message }: Health): string {
  if (state === 'ready' || message === undefined) return '';
  return reason === undefined ? `  ${message}` : `  ${reason}: ${message}`;
}

function drawn(line: Line, lead: string, below: string, options: TextOptions): readonly string[] {
  const { sign, style } = MARKS[line.state];
  const room = options.columns === undefined ? undefined : options.columns - lead.length - 2;
  const own = `${lead}${options.paint(style, sign)} ${cut(visible(line.text), room)}`;
  const children = line.children.flatMap((child, index) => {
    const isLast = index === line.children.length - 1;
    return drawn(child, `${below}${isLast ? '└─ ' : '├─ '}`, `${below}${isLast ? '   ' : '│  '}`, options);
  });
  return [own, ...children];
}

/** By characters, so that none is halved; at least one stays. */
function cut(text: string, room: number | undefined): string {
  const characters = [...text];
  if (room === undefined || characters.length <= room) return text;
  return `${characters.slice(0, Math.max(room - 1, 1)).join('')}…`;
}
