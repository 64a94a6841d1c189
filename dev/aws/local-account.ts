import { randomBytes } from 'node:crypto';
import type { Principal } from './authorize.ts';
import { AwsError } from './errors.ts';
import { IAM_OPERATIONS } from './iam/operations.ts';
import { checkIdentityPolicy } from './iam/policy-document.ts';
import { type ParameterInput, Parameters } from './query-protocol.ts';
import { perform, type Services } from './query-service.ts';
import { storedObject } from './s3/operations.ts';
import { type AccountState, type OidcProvider, type Quotas, type Role, type StoredObject, uniqueId } from './state.ts';
import type { XmlRecord } from './xml.ts';

export interface AccessKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export type PolicyInput = string | Readonly<Record<string, unknown>>;

/** Direct access to one account: set-up for tests and the demo, and changes that an administrator makes by hand. */
export interface LocalAccount {
  readonly id: string;
  /** Makes an IAM user with one inline policy and an access key. The same name again replaces the policy, adds a key. */
  createUser(name: string, policyDocument: PolicyInput): AccessKey;
  /** Makes a customer managed policy and gives back its ARN. */
  createPolicy(name: string, document: PolicyInput, options?: { readonly path?: string }): Promise<string>;
  /** Makes a bucket, by default in eu-west-1, where all clients here are; `policy` is its bucket policy (also for anonymous readers). */
  createBucket(name: string, options?: { readonly region?: string; readonly policy?: PolicyInput }): void;
  putObject(bucket: string, key: string, body: string | Buffer, headers?: Readonly<Record<string, string>>): void;
  getObject(bucket: string, key: string): StoredObject | undefined;
  /** All objects of a bucket as they are now, by key. */
  objects(bucket: string): ReadonlyMap<string, StoredObject>;
  deleteObject(bucket: string, key: string): void;
  roles(): readonly Role[];
  role(name: string): Role | undefined;
  providers(): readonly OidcProvider[];
  /**
   * Runs an IAM operation as the account's root: a hand-made change (`perform('DetachRolePolicy', {…})`). All checks
   * but permissions apply; it is logged with root's ARN. Faults apply too. Throws AwsError.
   */
  perform(operation: string, parameters: ParameterInput): Promise<XmlRecord | undefined>;
  addToInstanceProfile(roleName: string, profileName: string): void;
  removeFromInstanceProfile(roleName: string, profileName: string): void;
  setQuotas(quotas: Partial<Quotas>): void;
}

const asJson = (document: PolicyInput): string => (typeof document === 'string' ? document : JSON.stringify(document));

/** Direct access to one account of a local AWS. */
export function localAccount(account: AccountState, services: Services): LocalAccount {
  const { world } = services;
  const root: Principal = {
    kind: 'root',
    arn: `arn:${world.partition}:iam::${account.id}:root`,
    account: account.id,
    userId: account.id,
  };
  const performAsRoot = async (name: string, input: ParameterInput): Promise<XmlRecord | undefined> => {
    const operation = Object.hasOwn(IAM_OPERATIONS, name) ? IAM_OPERATIONS[name] : undefined;
    if (operation === undefined) throw new AwsError('InvalidAction', 400, `no IAM operation ${name}`);
    const parameters = Parameters.fromInput(input);
    const userAgent = 'local-account';
    return (await perform(services, { service: 'iam', name, operation, parameters, principal: root, userAgent }))
      .result;
  };
  return {
    id: account.id,
    createUser: (name, policyDocument) => createUser(account, services, name, asJson(policyDocument)),
    async createPolicy(name, document, { path = '/' } = {}) {
      await performAsRoot('CreatePolicy', { PolicyName: name, Path: path, PolicyDocument: asJson(document) });
      return `arn:${world.partition}:iam::${account.id}:policy${path}${name}`;
    },
    createBucket(name, { region = 'eu-west-1', policy } = {}) {
      if (world.buckets.has(name)) throw new AwsError('BucketAlreadyExists', 409, `bucket ${name} exists`);
      const document = policy === undefined ? undefined : asJson(policy);
      const createDate = world.now();
      world.buckets.set(name, { name, account: account.id, region, createDate, policy: document, objects: new Map() });
    },
    putObject(bucketName, key, body, headers = {}) {
      const bucket = world.buckets.get(bucketName);
      if (bucket === undefined) throw new AwsError('NoSuchBucket', 404, `no bucket ${bucketName}`);
      bucket.objects.set(key, storedObject(Buffer.from(body), headers, world.now()));
    },
    objects: (bucketName) => new Map(world.buckets.get(bucketName)?.objects),
    getObject: (bucketName, key) => world.buckets.get(bucketName)?.objects.get(key),
    deleteObject: (bucketName, key) => void world.buckets.get(bucketName)?.objects.delete(key),
    roles: () => account.roles.values(),
    role: (name) => account.roles.get(name.toLowerCase()),
    providers: () => account.providers.values(),
    perform: performAsRoot,
    addToInstanceProfile: (roleName, profileName) =>
      changeProfiles(account, roleName, (profiles) => [...profiles, profileName]),
    removeFromInstanceProfile: (roleName, profileName) =>
      changeProfiles(account, roleName, (profiles) => profiles.filter((name) => name !== profileName)),
    setQuotas(quotas) {
      account.quotas = { ...account.quotas, ...quotas };
    },
  };
}

function createUser(account: AccountState, { world }: Services, name: string, policyDocument: string): AccessKey {
  checkIdentityPolicy(policyDocument);
  const present = account.users.get(name);
  const arn = `arn:${world.partition}:iam::${account.id}:user/${name}`;
  account.users.set(name, { name, id: present?.id ?? uniqueId('AIDA'), arn, policyDocument });
  const key = { accessKeyId: uniqueId('AKIA', 16), secretAccessKey: randomBytes(30).toString('base64') };
  world.credentials.set(key.accessKeyId, { kind: 'user', ...key, account: account.id, userName: name });
  return key;
}

function changeProfiles(
  account: AccountState,
  roleName: string,
  change: (profiles: readonly string[]) => readonly string[],
): void {
  const role = account.roles.get(roleName.toLowerCase());
  if (role === undefined) throw new AwsError('NoSuchEntity', 404, `The role with name ${roleName} cannot be found.`);
  account.roles.set(roleName.toLowerCase(), { ...role, instanceProfiles: change(role.instanceProfiles) });
}
