import {
  AddClientIDToOpenIDConnectProviderCommand,
  CreateOpenIDConnectProviderCommand,
  DeleteOpenIDConnectProviderCommand,
  GetOpenIDConnectProviderCommand,
  type IAMClient,
  RemoveClientIDFromOpenIDConnectProviderCommand,
  UpdateOpenIDConnectProviderThumbprintCommand,
} from '@aws-sdk/client-iam';
import type { IssuerUrl, OidcProviderArn } from './arn.ts';
import { awsErrorCode, classify, noAnswer, undefinedIfMissing } from './errors.ts';
import type { Tags } from './tags.ts';

/** All that the operator decides about an OIDC provider. */
export interface DesiredOidcProvider {
  readonly arn: OidcProviderArn;
  readonly issuer: IssuerUrl;
  readonly clientIds: ReadonlySet<string>;
  /** Absent: IAM finds them itself, by connecting to the issuer when the provider is created. */
  readonly thumbprints: readonly string[] | undefined;
  readonly tags: Tags;
}

/** An OIDC provider as IAM has it. */
export interface OidcProvider {
  readonly clientIds: ReadonlySet<string>;
  readonly thumbprints: readonly string[];
  readonly tags: Tags;
}

/** The part of IAM that the operator uses for OIDC providers. Every failure is a ReconcileError. */
export interface OidcProviders {
  get(arn: OidcProviderArn, signal: AbortSignal): Promise<OidcProvider | undefined>;
  create(provider: DesiredOidcProvider, signal: AbortSignal): Promise<'created' | 'EntityAlreadyExists'>;
  delete(arn: OidcProviderArn, signal: AbortSignal): Promise<void>;
  addClientId(arn: OidcProviderArn, clientId: string, signal: AbortSignal): Promise<void>;
  removeClientId(arn: OidcProviderArn, clientId: string, signal: AbortSignal): Promise<void>;
  /** Replaces the list, which IAM refuses to be empty. */
  updateThumbprints(arn: OidcProviderArn, thumbprints: readonly string[], signal: AbortSignal): Promise<void>;
}

export function awsOidcProviders(client: IAMClient): OidcProviders {
  return {
    get: (arn, abortSignal) => classify('GetOpenIDConnectProvider', arn, () => readProvider(client, arn, abortSignal)),
    create: (provider, abortSignal) =>
      classify('CreateOpenIDConnectProvider', provider.arn, () => createProvider(client, provider, abortSignal)),
    delete: (arn, abortSignal) =>
      write('DeleteOpenIDConnectProvider', arn, () =>
        client
          .send(new DeleteOpenIDConnectProviderCommand({ OpenIDConnectProviderArn: arn }), { abortSignal })
          .catch(undefinedIfMissing),
      ),
    addClientId: (arn, ClientID, abortSignal) =>
      write('AddClientIDToOpenIDConnectProvider', arn, () =>
        client.send(new AddClientIDToOpenIDConnectProviderCommand({ OpenIDConnectProviderArn: arn, ClientID }), {
          abortSignal,
        }),
      ),
    removeClientId: (arn, ClientID, abortSignal) =>
      write('RemoveClientIDFromOpenIDConnectProvider', arn, () =>
        client.send(new RemoveClientIDFromOpenIDConnectProviderCommand({ OpenIDConnectProviderArn: arn, ClientID }), {
          abortSignal,
        }),
      ),
    updateThumbprints: (arn, thumbprints, abortSignal) =>
      write('UpdateOpenIDConnectProviderThumbprint', arn, () =>
        client.send(
          new UpdateOpenIDConnectProviderThumbprintCommand({
            OpenIDConnectProviderArn: arn,
            ThumbprintList: [...thumbprints],
          }),
          { abortSignal },
        ),
      ),
  };
}

const write = (operation: string, arn: OidcProviderArn, call: () => Promise<unknown>): Promise<void> =>
  classify(operation, arn, async () => void (await call()));

async function createProvider(
  client: IAMClient,
  { issuer, clientIds, thumbprints, tags }: DesiredOidcProvider,
  abortSignal: AbortSignal,
): Promise<'created' | 'EntityAlreadyExists'> {
  const command = new CreateOpenIDConnectProviderCommand({
    Url: issuer,
    ClientIDList: [...clientIds],
    ...(thumbprints === undefined ? {} : { ThumbprintList: [...thumbprints] }),
    Tags: [...tags].map(([Key, Value]) => ({ Key, Value })),
  });
  try {
    await client.send(command, { abortSignal });
    return 'created';
  } catch (error) {
    if (awsErrorCode(error) === 'EntityAlreadyExists') return 'EntityAlreadyExists';
    throw error;
  }
}

async function readProvider(
  client: IAMClient,
  arn: OidcProviderArn,
  abortSignal: AbortSignal,
): Promise<OidcProvider | undefined> {
  const command = new GetOpenIDConnectProviderCommand({ OpenIDConnectProviderArn: arn });
  const output = await client.send(command, { abortSignal }).catch(undefinedIfMissing);
  if (output === undefined) return undefined;
  if (output.Url === undefined) throw noAnswer('GetOpenIDConnectProvider', arn, 200);
  return {
    clientIds: new Set(output.ClientIDList),
    thumbprints: output.ThumbprintList ?? [],
    tags: new Map((output.Tags ?? []).map(({ Key = '', Value = '' }) => [Key, Value])),
  };
}
