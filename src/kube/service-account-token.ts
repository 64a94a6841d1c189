import { retryable } from '../errors.ts';
import type { KubernetesClient } from './client.ts';
import { SERVICE_ACCOUNTS } from './kinds.ts';
import type { ObjectName } from './resource.ts';

/** Shortest life that the API server gives a token, in seconds (TokenRequest API). */
const SHORTEST_LIFE = 600;

/**
 * A token as the kubelet would mount it into a pod of the ServiceAccount, for one audience. It lives ten minutes, is used
 * for one exchange and never logged or stored. Fails with TokenRequestFailed.
 */
export async function requestToken(
  client: KubernetesClient,
  serviceAccount: ObjectName,
  audience: string,
  signal: AbortSignal,
): Promise<string> {
  const request = {
    path: 'token',
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { audiences: [audience], expirationSeconds: SHORTEST_LIFE },
  };
  try {
    const { status } = await client.createSubresource<{ status: { token: string } }>(
      SERVICE_ACCOUNTS,
      serviceAccount,
      request,
      signal,
    );
    return status.token;
  } catch (error) {
    const { namespace, name } = serviceAccount;
    const text = error instanceof Error ? error.message : String(error);
    throw retryable('TokenRequestFailed', `No token for ServiceAccount ${namespace}/${name}: ${text}`, {
      cause: error,
    });
  }
}
