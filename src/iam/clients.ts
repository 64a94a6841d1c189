import { IAMClient } from '@aws-sdk/client-iam';
import { STSClient, type STSClientConfig } from '@aws-sdk/client-sts';
import { fromNodeProviderChain, fromTemporaryCredentials } from '@aws-sdk/credential-providers';
import type { AccountId, RoleArn } from './arn.ts';
import { type AwsCall, CLIENT_OPTIONS, tellCalls } from './calls.ts';

/** How the operator reaches one AWS account; the spec of an AwsOidcProvider is one. */
export interface AccountConnection {
  readonly accountId: AccountId;
  /** Decides the partition, and with it all endpoints: the SDK knows them. */
  readonly region: string;
  /** Absent: the operator's own credentials. */
  readonly assumeRole?: { readonly roleArn: RoleArn; readonly externalId?: string | undefined } | undefined;
}

type CredentialProvider = ReturnType<typeof fromNodeProviderChain>;

const SESSION_NAME = 'federated-identity-operator';

type ClientPlugin = NonNullable<Parameters<typeof fromTemporaryCredentials>[0]['clientPlugins']>[number];

/** Tells of calls that only fetch credentials. Applied anew for each session, also to the same client. */
const telling = (onCall: (call: AwsCall) => void): ClientPlugin => ({
  applyToStack: (stack) =>
    stack.add(tellCalls('sts', onCall), { step: 'initialize', name: 'tellCalls', override: true }),
});

/** The operator's own credentials, by the SDK's chain. Files are read anew when credentials are renewed. */
export const ownCredentials = (region: string, onCall: (call: AwsCall) => void): CredentialProvider =>
  fromNodeProviderChain({
    ignoreCache: true,
    clientConfig: { region, ...CLIENT_OPTIONS },
    clientPlugins: [telling(onCall)],
  });

/**
 * Credentials of the role to assume, in sessions of an hour (the longest that a chain of roles may last). The SDK renews
 * them five minutes before they end; a forced renewal also renews the operator's own, of which the role's follow.
 */
export function assumedCredentials(
  own: CredentialProvider,
  { region, assumeRole }: AccountConnection & { readonly assumeRole: NonNullable<AccountConnection['assumeRole']> },
  onCall: (call: AwsCall) => void,
): CredentialProvider {
  const { roleArn, externalId } = assumeRole;
  const assume = (): CredentialProvider =>
    fromTemporaryCredentials({
      params: {
        RoleArn: roleArn,
        RoleSessionName: SESSION_NAME,
        ...(externalId === undefined ? {} : { ExternalId: externalId }),
      },
      masterCredentials: own,
      clientConfig: { region, ...CLIENT_OPTIONS },
      clientPlugins: [telling(onCall)],
    });
  let current = assume();
  return async (options) => {
    if (options?.['forceRefresh'] === true) {
      await own(options);
      current = assume(); // the one before remembers the operator's old credentials
    }
    return current(options);
  };
}

/** SDK clients with the same credentials, whose renewal all of them see. */
export interface AwsClients {
  readonly sts: STSClient;
  readonly iam: IAMClient;
  /** For calls of low priority. */
  readonly backgroundIam: IAMClient;
}

export function awsClients(region: string, credentials: NonNullable<STSClientConfig['credentials']>): AwsClients {
  const sts = new STSClient({ region, credentials, ...CLIENT_OPTIONS });
  const shared = { region, credentials: sts.config.credentials, ...CLIENT_OPTIONS };
  return { sts, iam: new IAMClient(shared), backgroundIam: new IAMClient(shared) };
}
