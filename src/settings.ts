import { z } from 'zod';

const seconds = (min: number, max: number) => z.coerce.number().int().min(min).max(max);

/** Every setting of `run`: a flag, the environment variable of the same name, a default and its text in `--help`. */
const SETTINGS = {
  logLevel: z
    .enum(['debug', 'info', 'warn', 'error'])
    .default('info')
    .describe('Lowest level that is logged: debug, info, warn or error'),
  namespace: z
    .string()
    .min(1)
    .max(63)
    .default('federated-identity-system')
    .describe("Namespace of the operator's own ServiceAccount and of its Lease"),
  serviceAccount: z
    .string()
    .min(1)
    .max(253)
    .default('federated-identity-operator')
    .describe("The operator's own ServiceAccount, of which a token is minted to learn the issuer"),
  podName: z.string().max(253).default('').describe('Name of this replica in the Lease; default: the host name'),
  leaderElection: z
    .enum(['on', 'off'])
    .default('on')
    .describe('Whether a Lease decides which replica works: on, or off for a single process'),
  verification: z
    .enum(['token', 'off'])
    .default('token')
    .describe('How Ready is proven: token exchanges a token of each ServiceAccount at STS, off proves nothing'),
  resyncInterval: seconds(1, 86_400)
    .default(600)
    .describe('Seconds between two looks at AWS for an object that did not change'),
  verificationInterval: seconds(60, 604_800)
    .default(21_600)
    .describe('Seconds between two token exchanges for an identity that did not change'),
  consistencyWindow: seconds(0, 600)
    .default(60)
    .describe('Seconds after a write to IAM in which its answers may still be older, and are no drift'),
  awsCallsPerSecond: z.coerce
    .number()
    .min(0.5)
    .max(100)
    .default(10)
    .describe('Most calls to IAM a second and account; throttling by AWS lowers it by itself'),
  concurrency: z.coerce
    .number()
    .int()
    .min(1)
    .max(64)
    .default(8)
    .describe('Objects of one kind that are worked on at the same time'),
  metricsBindAddress: z
    .string()
    .regex(/^[^\s]*:[0-9]{1,5}$/)
    .default(':8080')
    .describe('Address of /healthz, /readyz and /metrics, as HOST:PORT; port 0 takes a free one'),
  shutdownGrace: seconds(1, 300)
    .default(20)
    .describe('Seconds that reconciles may go on after SIGTERM; keep it below terminationGracePeriodSeconds'),
} as const;

const Settings = z.object(SETTINGS);
export type Settings = z.output<typeof Settings>;

/** A setting as the command line knows it. */
export interface Flag {
  /** `--log-level`. */
  readonly name: string;
  /** `LOG_LEVEL`. */
  readonly variable: string;
  readonly description: string;
  readonly defaultText: string;
}

const kebab = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

export const FLAGS: readonly Flag[] = Object.entries(SETTINGS).map(([name, schema]) => ({
  name: `--${kebab(name)}`,
  variable: kebab(name).replaceAll('-', '_').toUpperCase(),
  description: schema.description ?? '',
  defaultText: String(schema.parse(undefined)),
}));

/** Parses what the command line and the environment gave. Throws one Error that lists every problem by its flag. */
export function parseSettings(given: Readonly<Record<string, unknown>>): Settings {
  const result = Settings.safeParse(given);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => {
    const flag = `--${kebab(String(path[0]))}`;
    return `  ${flag}: ${message} (given: ${JSON.stringify(given[String(path[0])])})`;
  });
  throw new Error(`invalid settings:\n${problems.join('\n')}\nSee --help.`);
}
