import type { Command } from 'commander';
import { skipAnnotation, TOKEN_FILE, TOKEN_FILE_VARIABLE } from '../admission/web-identity.ts';
import { type InjectionForm, judgePod } from '../controllers/pod-stock-take/judge.ts';
import type { RoleArn } from '../iam/arn.ts';
import type { Pod } from '../kube/pods.ts';
import { FLAGS, parseSettings } from '../settings.ts';

/** What the person at the terminal says of how the operator was installed. */
export interface FormOptions {
  readonly mountPath?: string;
  readonly annotationPrefix?: string;
}

/** The settings of the operator by which pods are judged; nobody but the operator can read them, so that they are defaults or given. */
export interface AssumedForm extends InjectionForm {
  readonly given: { readonly [Setting in keyof FormOptions]-?: boolean };
}

const NAMES: ReadonlySet<string> = new Set(['--mount-path', '--annotation-prefix']);
const FORM_FLAGS = FLAGS.filter(({ name }) => NAMES.has(name));

/** Gives a command the flags of `run` by which pods are judged. */
export function withFormOptions(command: Command): Command {
  for (const { name, description, defaultText } of FORM_FLAGS)
    command.option(`${name} <value>`, `as the operator runs with: ${description} (default: ${defaultText})`);
  return command;
}

/** Throws an Error that names the flag whose value the operator would not take either. */
export function assumedForm({ mountPath, annotationPrefix }: FormOptions): AssumedForm {
  const settings = parseSettings({ mountPath, annotationPrefix });
  return {
    mountPath: settings.mountPath,
    annotationPrefix: settings.annotationPrefix,
    given: { mountPath: mountPath !== undefined, annotationPrefix: annotationPrefix !== undefined },
  };
}

interface Candidate {
  readonly form: InjectionForm;
  /** What in the pod speaks for it. */
  readonly sign: string;
  readonly flag: string;
  /** What is assumed without the flag. */
  readonly assumed: string;
}

/**
 * Why a pod that seems to be without its role may have it by a setting of the operator that was not given; undefined where that
 * cannot be. The message says which flag settles it.
 */
export function doubtAbout(pod: Pod, roleArn: RoleArn, form: AssumedForm): string | undefined {
  const isBareBy = (one: InjectionForm): boolean => judgePod(pod, roleArn, one)?.injection.kind === 'notInjected';
  if (!isBareBy(form)) return undefined;
  const other = candidates(pod, form).find((candidate) => !isBareBy(candidate.form));
  if (other === undefined) return undefined;
  return `Pod ${pod.metadata.name} has ${other.sign}, which counts only where the operator runs so. Say by ${other.flag} how it runs: its Deployment names it, and without it there it is ${other.assumed}.`;
}

/** Other settings that something in the pod was made for. */
function candidates(pod: Pod, form: AssumedForm): readonly Candidate[] {
  const prefixes = form.given.annotationPrefix ? [] : prefixesIn(pod, form);
  const paths = form.given.mountPath ? [] : tokenFoldersIn(pod, form);
  return [
    ...prefixes.map((annotationPrefix) => ({
      form: { ...form, annotationPrefix },
      sign: `the annotation ${skipAnnotation({ ...form, annotationPrefix })}`,
      flag: '--annotation-prefix',
      assumed: form.annotationPrefix,
    })),
    ...paths.map((mountPath) => ({
      form: { ...form, mountPath },
      sign: `a token of its own in ${mountPath}`,
      flag: '--mount-path',
      assumed: form.mountPath,
    })),
  ];
}

const SKIP_SUFFIX = skipAnnotation({ annotationPrefix: '', mountPath: '' });

function prefixesIn({ metadata: { annotations = {} } }: Pod, form: InjectionForm): readonly string[] {
  return Object.keys(annotations)
    .filter((key) => key.endsWith(SKIP_SUFFIX) && key !== skipAnnotation(form))
    .map((key) => key.slice(0, -SKIP_SUFFIX.length));
}

const FILE_SUFFIX = `/${TOKEN_FILE}`;

/** Tokens for the API server itself, which are for another audience or none: no operator puts its own there. */
export const API_SERVER_TOKENS = '/var/run/secrets/kubernetes.io/';

function tokenFoldersIn({ spec }: Pod, { mountPath }: InjectionForm): readonly string[] {
  const files = [...(spec.initContainers ?? []), ...spec.containers].flatMap(({ env = [] }) =>
    env.flatMap(({ name, value }) => (name === TOKEN_FILE_VARIABLE && value !== undefined ? [value] : [])),
  );
  const folders = files
    .filter((file) => file.endsWith(FILE_SUFFIX) && !file.startsWith(API_SERVER_TOKENS))
    .map((file) => file.slice(0, -FILE_SUFFIX.length));
  return [...new Set(folders)].filter((folder) => folder !== mountPath);
}
