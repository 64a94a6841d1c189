import type { OidcProviderArn, RoleName } from '../../src/iam/arn.ts';
import type { OidcProvider } from '../../src/iam/oidc-providers.ts';
import type { Role } from '../../src/iam/roles.ts';
import type { Exchange } from '../../src/sts/token-exchange.ts';
import { awsError, PROVIDER_ARN, roleArn } from '../support/builders.ts';
import { History } from './history.ts';
import type { Random } from './random.ts';
import type { VirtualTime } from './virtual-time.ts';

/** One write of the operator to a role. */
export interface RoleWrite {
  readonly operation: string;
  readonly name: RoleName;
  readonly before: Role | undefined;
  readonly after: Role | undefined;
}

/** A token that STS took. */
export interface AcceptedExchange {
  readonly at: number;
  readonly roleId: string;
  readonly arn: string;
}

export const missing = (name: string): Error => awsError('NoSuchEntity', `The role with name ${name} cannot be found.`);

/** Roles and OIDC providers of one account as IAM keeps them: writes are taken at once, reads are late. */
export class Aws {
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #maxLagMs: number;
  readonly #roles = new Map<RoleName, History<Role>>();
  readonly #providers = new Map<OidcProviderArn, History<OidcProvider>>();
  #ids = 0;
  /** Told of each write of the operator, and of each of its writes that is none of the roles'. */
  onRoleWrite: (write: RoleWrite) => void = () => {};
  onProviderWrite: () => void = () => {};
  readonly exchanges: AcceptedExchange[] = [];

  constructor(time: VirtualTime, random: Random, maxLagMs: number) {
    this.#time = time;
    this.#random = random;
    this.#maxLagMs = maxLagMs;
  }

  /** The moment that a reader sees: each read asks another replica of IAM. */
  readMoment(): number {
    const lag = this.#random.chance(0.5) ? 0 : this.#random.next() * this.#maxLagMs;
    return this.#time.now() - lag;
  }

  role(name: RoleName, at = Infinity): Role | undefined {
    return this.#roles.get(name)?.asOf(at);
  }

  roles(at = Infinity): readonly Role[] {
    return [...this.#roles.values()].flatMap((history) => history.asOf(at) ?? []);
  }

  provider(arn: OidcProviderArn, at = Infinity): OidcProvider | undefined {
    return this.#providers.get(arn)?.asOf(at);
  }

  /** A person at the console, or the operator by `write`. */
  setRole(name: RoleName, role: Role | undefined): void {
    const history = this.#roles.get(name) ?? new History<Role>();
    this.#roles.set(name, history);
    history.set(role, this.#time.now());
  }

  setProvider(arn: OidcProviderArn, provider: OidcProvider | undefined): void {
    const history = this.#providers.get(arn) ?? new History<OidcProvider>();
    this.#providers.set(arn, history);
    history.set(provider, this.#time.now());
  }

  /** Makes a role under a new id. */
  newRole(fields: Omit<Role, 'id' | 'arn'>): Role {
    this.#ids += 1;
    const role = {
      ...fields,
      arn: roleArn(fields.name, fields.path),
      id: `AROANEW${String(this.#ids).padStart(12, '0')}`,
    };
    this.setRole(role.name, role);
    return role;
  }

  /** A write of the operator. Writes on a role that is not there fail as IAM's do. */
  changeRole(operation: string, name: RoleName, change: (role: Role) => Role | undefined): void {
    const before = this.role(name);
    if (before === undefined) throw missing(name);
    const after = change(before);
    this.onRoleWrite({ operation, name, before, after });
    this.setRole(name, after);
  }

  /** AssumeRoleWithWebIdentity: STS learns of IAM's changes as late as all others. */
  exchange(token: string, arn: string): Exchange {
    const at = this.readMoment();
    const [, payload = ''] = token.split('.');
    const claims: { readonly sub: string; readonly aud: string } = JSON.parse(
      Buffer.from(payload, 'base64url').toString('utf8'),
    );
    const provider = this.provider(PROVIDER_ARN, at);
    if (provider === undefined)
      return refused('InvalidIdentityToken', 'No OpenIDConnect provider found in your account for the issuer');
    if (!provider.clientIds.has(claims.aud)) return refused('InvalidIdentityToken', 'Incorrect token audience');
    const role = this.roles(at).find((one) => one.arn === arn);
    if (role === undefined || !trusts(role, claims))
      return refused('AccessDenied', 'Not authorized to perform sts:AssumeRoleWithWebIdentity');
    this.exchanges.push({ at: this.#time.now(), roleId: role.id, arn });
    return { kind: 'accepted', roleId: role.id };
  }
}

const refused = (code: string, message: string): Exchange => ({ kind: 'refused', code, message });

function trusts({ trustPolicy }: Role, { sub, aud }: { readonly sub: string; readonly aud: string }): boolean {
  const document: TrustDocument = JSON.parse(trustPolicy);
  return document.Statement.some(({ Effect, Condition = {} }) => {
    const wanted = Object.entries(Condition['StringEquals'] ?? {});
    const holds = wanted.every(([key, value]) => value === (key.endsWith(':sub') ? sub : aud));
    return Effect === 'Allow' && holds;
  });
}

interface TrustDocument {
  readonly Statement: readonly {
    readonly Effect: string;
    readonly Condition?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  }[];
}
