import { X509Certificate } from 'node:crypto';
import { commonNameOf } from './serving-certificate.ts';

/** A bundle is one object in etcd, sent to every API server; 64 certificates are 50 KB. */
export const MAX_CERTIFICATES = 64;

export interface Replica {
  /** Name of the replica, as in its certificates. */
  readonly name: string;
  /** PEM of the certificates that it shows or is about to show, at least one. */
  readonly certificates: readonly string[];
}

/** One certificate of a bundle. */
interface Member {
  readonly pem: string;
  readonly read: X509Certificate;
}

/** Whether all certificates of the replica are in the bundle (PEM). */
export function isPublished(bundle: string, { certificates }: Replica): boolean {
  const there = new Set(members(bundle).map(fingerprint));
  return certificates.flatMap(members).every((member) => there.has(fingerprint(member)));
}

/** All certificates of some bundles (PEM), each once. */
export function joined(bundles: readonly string[]): string {
  const unique = new Map(bundles.flatMap(members).map((member) => [fingerprint(member), member.pem]));
  return [...unique.values()].join('');
}

/**
 * The bundle (PEM) with the replica's certificates in it, or undefined where they are there already: nothing is cleaned up without
 * that need, so that two processes which share a name by mistake do not push each other out for ever. Expired and unreadable ones
 * leave, and older ones of the same replica, so that a crash loop does not let the bundle grow. Beyond 64, those that expire
 * first leave; a replica that lives adds its own again.
 */
export function withReplica(bundle: string, replica: Replica, now: Date): string | undefined {
  if (isPublished(bundle, replica)) return undefined;
  const own = replica.certificates.flatMap(members);
  const isOwn = new Set(own.map(fingerprint));
  const oldest = Math.min(...own.map(({ read }) => read.validFromDate.getTime()));
  const name = `CN=${commonNameOf(replica.name)}`;
  const kept = members(bundle)
    .filter((member) => !isOwn.has(fingerprint(member)))
    .filter(({ read }) => read.validToDate > now)
    .filter(({ read }) => read.subject !== name || read.validFromDate.getTime() >= oldest)
    .toSorted((a, b) => b.read.validToDate.getTime() - a.read.validToDate.getTime())
    .slice(0, MAX_CERTIFICATES - own.length);
  const unique = new Map([...kept, ...own].map((member) => [fingerprint(member), member.pem]));
  return [...unique.values()].join('');
}

const BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** What can't be read can't be trusted by anybody. */
function members(bundle: string): readonly Member[] {
  return (bundle.match(BLOCK) ?? []).flatMap((pem) => {
    try {
      return [{ pem: `${pem}\n`, read: new X509Certificate(pem) }];
    } catch {
      return [];
    }
  });
}

const fingerprint = ({ read }: Member): string => read.fingerprint256;
