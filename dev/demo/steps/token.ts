import { NAMESPACE } from '../scene.ts';
import { quietly, type Stage } from '../stage.ts';

interface Claims {
  readonly iss: string;
  readonly sub: string;
  readonly aud: readonly string[];
  readonly 'kubernetes.io': { readonly pod?: { readonly name: string } };
}

/** Resolves with the token that the kubelet would mount. Only its claims are ever shown. */
export async function token({ stack, narrator }: Stage): Promise<string> {
  await narrator.chapter(
    'The token of the pod',
    'This cluster has no nodes, so the pod stays Pending and no kubelet mounts anything. We ask for the very token that a kubelet would ask for, and show its claims, never the token itself.',
  );
  const command = `create token reports -n ${NAMESPACE} --audience sts.amazonaws.com \\\n    --bound-object-kind Pod --bound-object-name reports-worker`;
  narrator.command(`kubectl ${command}`);
  const minted = (await quietly(stack, command)).trim();
  const claims = claimsOf(minted);
  const pod = claims['kubernetes.io'].pod?.name ?? '';
  narrator.show(`iss: ${claims.iss}\nsub: ${claims.sub}\naud: ${claims.aud.join(', ')}\npod: ${pod}`);
  narrator.expect(
    'issuer, ServiceAccount and audience are those that the role trusts; it is bound to the pod',
    claims.iss === stack.cluster.issuer &&
      claims.sub === `system:serviceaccount:${NAMESPACE}:reports` &&
      claims.aud.join() === 'sts.amazonaws.com' &&
      pod === 'reports-worker',
    claims,
  );
  return minted;
}

function claimsOf(jwt: string): Claims {
  const [, payload = ''] = jwt.split('.');
  return JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
}
