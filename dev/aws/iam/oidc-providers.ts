import type { Context, Permission } from '../authorize.ts';
import { AwsError, validationError } from '../errors.ts';
import type { QueryCall, QueryOperation, QueryOperations } from '../query-operation.ts';
import type { OidcProvider } from '../state.ts';
import { type Constraints, TAG_KEY_PATTERN } from '../validation.ts';
import type { XmlRecord } from '../xml.ts';
import { PAGING, pagedResult } from './paging.ts';
import { noSuchEntity } from './role-lookup.ts';
import { requestTagContext, resourceTagContext, sortedTags, tagXml, withoutTags, withTags } from './tags.ts';

const MAX_CLIENT_IDS = 100;
const MAX_THUMBPRINTS = 5;

const ARN: Constraints[string] = { kind: 'text', required: true, min: 20, max: 2048 };
const CLIENT_ID: Constraints[string] = { kind: 'text', required: true, min: 1, max: 255 };
const CLIENT_IDS: Constraints[string] = { kind: 'list', item: { kind: 'text', min: 1, max: 255 } };
/** Only the length is demanded, not hex digits [recorded]. */
const THUMBPRINTS = { kind: 'list', item: { kind: 'text', min: 40, max: 40 } } as const;
const TAG_KEYS: Constraints[string] = {
  kind: 'list',
  required: true,
  max: 50,
  notNull: true,
  item: { kind: 'text', min: 1, max: 128, pattern: TAG_KEY_PATTERN },
};

/** OIDC provider operations of IAM 2010-05-08. */
export const OIDC_PROVIDER_OPERATIONS: QueryOperations = {
  CreateOpenIDConnectProvider: {
    write: true,
    constraints: {
      Url: { kind: 'text', required: true, min: 1, max: 255 },
      ClientIDList: CLIENT_IDS,
      ThumbprintList: THUMBPRINTS,
      Tags: { kind: 'tags' },
    },
    resource: newProviderArn,
    context: (call) => requestTagContext(call.parameters.tags('Tags')),
    alsoNeeds: tagPermission,
    run: createProvider,
  },
  GetOpenIDConnectProvider: read({}, (call) => {
    const provider = findProvider(call);
    return {
      Url: withoutScheme(provider.url),
      ClientIDList: provider.clientIds,
      ThumbprintList: provider.thumbprints,
      CreateDate: provider.createDate,
      Tags: tagXml(sortedTags(provider.tags)),
    };
  }),
  ListOpenIDConnectProviders: {
    write: false,
    constraints: {},
    resource: () => '*',
    run: (call) => ({
      OpenIDConnectProviderList: call.account.providers.values(call.asOf).map(({ arn }) => ({ Arn: arn })),
    }),
  },
  UpdateOpenIDConnectProviderThumbprint: change(
    { ThumbprintList: { ...THUMBPRINTS, required: true } },
    (call, provider) => {
      const thumbprints = call.parameters.list('ThumbprintList') ?? [];
      checkThumbprintCount(thumbprints);
      return { ...provider, thumbprints };
    },
  ),
  AddClientIDToOpenIDConnectProvider: change({ ClientID: CLIENT_ID }, (call, provider) => {
    const clientIds = [...new Set([...provider.clientIds, call.parameters.required('ClientID')])];
    checkClientIdCount(clientIds);
    return { ...provider, clientIds };
  }),
  RemoveClientIDFromOpenIDConnectProvider: change({ ClientID: CLIENT_ID }, (call, provider) => {
    const removed = call.parameters.required('ClientID');
    return { ...provider, clientIds: provider.clientIds.filter((clientId) => clientId !== removed) };
  }),
  TagOpenIDConnectProvider: {
    ...change({ Tags: { kind: 'tags', required: true } }, (call, provider) => ({
      ...provider,
      tags: withTags(provider.tags, call.parameters.tags('Tags') ?? []),
    })),
    context: (call) => ({ ...tagContext(call), ...requestTagContext(call.parameters.tags('Tags')) }),
  },
  UntagOpenIDConnectProvider: {
    ...change({ TagKeys: TAG_KEYS }, (call, provider) => ({
      ...provider,
      tags: withoutTags(provider.tags, call.parameters.list('TagKeys') ?? []),
    })),
    context: (call) => ({ ...tagContext(call), 'aws:TagKeys': [...(call.parameters.list('TagKeys') ?? [])] }),
  },
  ListOpenIDConnectProviderTags: read(PAGING, (call) => {
    const items = sortedTags(findProvider(call).tags);
    return pagedResult(call, { member: 'Tags', items, keyOf: (tag) => tag.Key }, ({ Key, Value }) => ({ Key, Value }));
  }),
  DeleteOpenIDConnectProvider: {
    ...read({}, (call) => {
      const arn = providerArn(call);
      // The doc string says idempotent; the service says 404 with a text of its own [recorded].
      if (call.account.providers.get(arn) === undefined) {
        throw noSuchEntity(`OpenId connect Provider ${arn} cannot be found.`);
      }
      call.account.providers.delete(arn);
      return undefined;
    }),
    write: true,
  },
};

function read(constraints: Constraints, run: (call: QueryCall) => XmlRecord | undefined): QueryOperation {
  return {
    write: false,
    constraints: { ...constraints, OpenIDConnectProviderArn: ARN },
    resource: providerArn,
    context: tagContext,
    run,
  };
}

function change(
  constraints: Constraints,
  run: (call: QueryCall, provider: OidcProvider) => OidcProvider,
): QueryOperation {
  const replace = (call: QueryCall): undefined => {
    const provider = findProvider(call);
    call.account.providers.set(provider.arn, run(call, provider));
  };
  return { ...read(constraints, replace), write: true };
}

function providerArn(call: QueryCall): string {
  return call.parameters.required('OpenIDConnectProviderArn');
}

function tagContext(call: QueryCall): Context {
  return resourceTagContext(call.account.providers.get(providerArn(call))?.tags);
}

function findProvider(call: QueryCall): OidcProvider {
  const provider = call.account.providers.get(providerArn(call), call.asOf);
  if (provider === undefined) throw noSuchEntity(`OpenIDConnect Provider not found for arn ${providerArn(call)}`);
  return provider;
}

/** The scheme goes, everything else stays: a trailing slash and upper case make another provider. */
const withoutScheme = (url: string): string => url.replace(/^https:\/\//, '');

function newProviderArn(call: QueryCall): string {
  const url = call.parameters.required('Url');
  return `arn:${call.world.partition}:iam::${call.account.id}:oidc-provider/${withoutScheme(url)}`;
}

/** CreateOpenIDConnectProvider with tags needs TagOpenIDConnectProvider too [belief]. */
function tagPermission(call: QueryCall): readonly Permission[] {
  const tags = call.parameters.tags('Tags') ?? [];
  if (tags.length === 0) return [];
  return [
    {
      action: 'iam:TagOpenIDConnectProvider',
      resource: newProviderArn(call),
      resourceAccount: call.account.id,
      context: requestTagContext(tags),
    },
  ];
}

async function createProvider(call: QueryCall): Promise<XmlRecord> {
  const { account, parameters, world } = call;
  const url = parameters.required('Url');
  const clientIds = [...new Set(parameters.list('ClientIDList') ?? [])];
  const given = parameters.list('ThumbprintList') ?? [];
  const tags = withTags([], parameters.tags('Tags') ?? []);
  checkUrl(url);
  checkThumbprintCount(given);
  checkClientIdCount(clientIds);
  checkIsNew(call, url);
  const thumbprints = given.length > 0 ? given : [await call.issuers.topThumbprint(url)];
  checkIsNew(call, url); // somebody else may have come first while the issuer was asked
  const provider = { arn: newProviderArn(call), url, clientIds, thumbprints, tags, createDate: world.now() };
  account.providers.set(provider.arn, provider);
  return { OpenIDConnectProviderArn: provider.arn, Tags: tags.length === 0 ? undefined : tagXml(tags) };
}

function checkIsNew(call: QueryCall, url: string): void {
  const { providers, quotas } = call.account;
  if (providers.get(newProviderArn(call)) !== undefined) {
    throw new AwsError('EntityAlreadyExists', 409, `Provider with url ${url} already exists.`);
  }
  if (providers.size >= quotas.oidcProviders) {
    throw new AwsError(
      'LimitExceeded',
      409,
      `Cannot exceed quota for OpenIdConnectProvidersPerAccount: ${quotas.oidcProviders}`,
    );
  }
}

/** https, no query, no fragment, no user, no port: a colon would break the ARN [model, thread AthenZ 2188]. */
function checkUrl(url: string): void {
  const parsed = url.startsWith('https://') && !/[\s?#]/.test(url) ? URL.parse(url) : null;
  const authority = withoutScheme(url).split('/')[0] ?? '';
  if (parsed === null || authority === '' || /[:@]/.test(authority)) {
    throw validationError('Invalid Open ID Connect Provider URL');
  }
}

/** 5 is legal, in spite of the text [recorded]. */
function checkThumbprintCount(thumbprints: readonly string[]): void {
  if (thumbprints.length > MAX_THUMBPRINTS) {
    throw new AwsError('InvalidInput', 400, 'Thumbprint list must contain fewer than 5 entries.');
  }
}

function checkClientIdCount(clientIds: readonly string[]): void {
  if (clientIds.length > MAX_CLIENT_IDS) {
    throw new AwsError(
      'LimitExceeded',
      409,
      `Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: ${MAX_CLIENT_IDS}`,
    );
  }
}
