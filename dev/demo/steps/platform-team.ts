import { PROVIDER } from '../scene.ts';
import { kubectl, type Stage } from '../stage.ts';

export async function platformTeam(stage: Stage): Promise<void> {
  const { stack, narrator } = stage;
  await narrator.chapter(
    'The platform team connects the cluster to an AWS account',
    'Once for each account: which account, which region, and what teams may ask for there. The issuer of the cluster is not typed in: the operator reads it from a token that the API server signs.',
  );
  await kubectl(stage, 'apply -f -', PROVIDER);
  await kubectl(stage, 'wait aop/default --for=condition=Ready --timeout=30s');
  const [provider] = stack.account.providers();
  const { issuer } = stack.cluster;
  narrator.expect(
    `AWS now knows this cluster: IAM OIDC provider for ${issuer}`,
    provider?.url === issuer && provider.clientIds.join() === 'sts.amazonaws.com',
    provider,
  );
}
