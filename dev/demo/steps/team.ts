import { stringify } from 'yaml';
import { IDENTITY, NAMESPACE } from '../scene.ts';
import { kubectl, operations, operatorCalls, quietly, type Stage } from '../stage.ts';

const SUBJECT = `system:serviceaccount:${NAMESPACE}:reports`;

/** Resolves with the ARN of the role and the IAM operations that made it. */
export async function team(stage: Stage): Promise<{ readonly roleArn: string; readonly created: readonly string[] }> {
  const { stack, narrator } = stage;
  await narrator.chapter(
    'A team asks for an identity',
    'The pods of its ServiceAccount "reports" shall read one bucket. No keys, no secrets, no ticket to somebody with IAM rights: one object beside the Deployment.',
  );
  await kubectl(stage, `create namespace ${NAMESPACE}`);
  const mark = stack.aws.calls.mark();
  await kubectl(stage, 'apply -f -', IDENTITY);
  await kubectl(stage, `wait afi/reports -n ${NAMESPACE} --for=condition=Ready --timeout=30s`);
  await kubectl(stage, 'get aop');
  await kubectl(stage, `get afi -n ${NAMESPACE}`);
  const created = operations(operatorCalls(stack, mark).filter(({ resource }) => resource.includes(':role/')));
  narrator.expect(
    `it took ${created.length} IAM calls: ${created.join(', ')}`,
    created.join() === 'CreateRole,PutRolePolicy,AttachRolePolicy',
    created,
  );
  const roleArn = await quietly(stack, `get afi/reports -n ${NAMESPACE} -o jsonpath={.status.roleArn}`);
  showTrust(stage, roleArn);
  const verified = '{.status.conditions[?(@.type=="FederationVerified")].status}';
  const status = await quietly(stack, `get afi/reports -n ${NAMESPACE} -o jsonpath=${verified}`);
  narrator.expect(
    'Ready is proven, not assumed: the operator exchanged a real token of the ServiceAccount at STS',
    status === 'True',
    `FederationVerified=${status}`,
  );
  return { roleArn, created };
}

interface TrustPolicy {
  readonly Statement: readonly {
    readonly Condition?: { readonly StringEquals?: Readonly<Record<string, string>> };
  }[];
}

function showTrust({ stack, narrator }: Stage, roleArn: string): void {
  const document = stack.account.role(roleArn.split('/').at(-1) ?? '')?.trustPolicy ?? '{"Statement":[]}';
  const { Statement }: TrustPolicy = JSON.parse(document);
  const condition = Statement[0]?.Condition ?? {};
  narrator.say('', 'Whom the role trusts, as AWS has it:');
  narrator.show(stringify(condition));
  const issuer = new URL(stack.cluster.issuer).host;
  narrator.expect(
    'tokens of this one ServiceAccount, for AWS, and of nobody else',
    Statement.length === 1 &&
      condition.StringEquals?.[`${issuer}:sub`] === SUBJECT &&
      condition.StringEquals[`${issuer}:aud`] === 'sts.amazonaws.com',
    document,
  );
}
