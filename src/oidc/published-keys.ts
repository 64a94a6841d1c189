import { createHash } from 'node:crypto';
import * as z from 'zod';

/**
 * A public key of a JSON Web Key Set. Members that are not named here are dropped, those of a private key above all
 * (RFC 7517, RFC 7518 section 6).
 */
export const Jwk = z.object({
  kid: z.string().min(1).max(255),
  kty: z.enum(['RSA', 'EC']),
  alg: z.string().max(16).optional(),
  use: z.string().max(16).optional(),
  n: z.string().max(4096).optional(),
  e: z.string().max(16).optional(),
  crv: z.string().max(16).optional(),
  x: z.string().max(256).optional(),
  y: z.string().max(256).optional(),
});
export type Jwk = z.output<typeof Jwk>;

export const JwkSet = z.object({ keys: z.array(Jwk) });

/**
 * The keys of a set that was published, whoever published it; undefined for what is no set. A key that AWS does not take is
 * passed over, as the copy without `kid` for clusters before 1.16, of which AWS's own guide once advised.
 */
export function publishedKeys(document: unknown): readonly Jwk[] | undefined {
  const parsed = z.object({ keys: z.array(z.unknown()) }).safeParse(document);
  return parsed.data?.keys.flatMap((key) => Jwk.safeParse(key).data ?? []);
}

/** Keys that are or will be published, sorted by `kid`. */
export interface KeyRing {
  readonly keys: readonly Jwk[];
  /** By `kid`, when a key was first missed in what the cluster serves. Keys in use are not in it. */
  readonly missingSince: ReadonlyMap<string, Date>;
}

export const NO_KEYS: KeyRing = { keys: [], missingSince: new Map() };

/** AWS takes no more keys of an issuer (STS, AssumeRoleWithWebIdentity: 100 RSA and 100 EC keys). */
export const MAX_KEYS = 100;

const HOUR_MS = 3_600_000;
/** A key that is missed and seen again by turns is marked anew no more often than this. */
const MARK_MS = HOUR_MS;
/** AWS takes no token that is older than 24 hours; a mark may be older by its own period than the last sight of the key. */
const RETENTION_MS = 24 * HOUR_MS + MARK_MS;

/**
 * What to publish when this is published and the API server that answered serves that. A key goes only 24 hours after
 * it was last seen: running tokens are signed with it, and another API server may sign with it still.
 */
export function mergeKeys(published: KeyRing, served: readonly Jwk[], now: Date): KeyRing {
  const keys = new Map(served.map((key) => [key.kid, key]));
  const missingSince = new Map<string, Date>();
  for (const key of published.keys) {
    const mark = published.missingSince.get(key.kid);
    if (keys.has(key.kid)) {
      if (mark !== undefined && now.getTime() - mark.getTime() < MARK_MS) missingSince.set(key.kid, mark);
      continue;
    }
    const since = mark ?? nextMinute(now);
    if (now.getTime() - since.getTime() >= RETENTION_MS) continue;
    keys.set(key.kid, key);
    missingSince.set(key.kid, since);
  }
  return { keys: [...keys.values()].toSorted((a, b) => (a.kid < b.kid ? -1 : 1)), missingSince };
}

/** Number of keys that the cluster does not serve any more. */
export const retiredCount = ({ keys }: KeyRing, served: readonly Jwk[]): number =>
  keys.filter(({ kid }) => !served.some((key) => key.kid === kid)).length;

/** The time from which a key that is missed may go. */
export const goesAt = (since: Date): Date => new Date(since.getTime() + RETENTION_MS);

const MINUTE_MS = 60_000;

/** Marks are kept in minutes, rounded up: never a shorter life. */
const nextMinute = (now: Date): Date => new Date(Math.ceil(now.getTime() / MINUTE_MS) * MINUTE_MS);

/**
 * The marks as text: `<8 hex of sha256(kid)>=<minutes since 1970>`, with spaces between. 99 of them are 1 781 characters,
 * since an object of S3 takes 2 KiB of metadata in all.
 */
export const encodeMarks = ({ missingSince }: KeyRing): string =>
  [...missingSince]
    .map(([kid, since]) => `${digestOf(kid)}=${since.getTime() / MINUTE_MS}`)
    .toSorted()
    .join(' ');

/** The way back, for the keys that are there. What is no mark is no mark: such a key is missed from now on. */
export function decodeMarks(text: string, keys: readonly Jwk[]): ReadonlyMap<string, Date> {
  const marks = new Map(
    text.split(' ').flatMap((mark) => {
      const [, digest, minutes] = /^([0-9a-f]{8})=([0-9]{1,9})$/.exec(mark) ?? [];
      return digest === undefined ? [] : [[digest, new Date(Number(minutes) * MINUTE_MS)] as const];
    }),
  );
  return new Map(
    keys.flatMap(({ kid }) => {
      const since = marks.get(digestOf(kid));
      return since === undefined ? [] : [[kid, since] as const];
    }),
  );
}

const digestOf = (kid: string): string => createHash('sha256').update(kid).digest('hex').slice(0, 8);
