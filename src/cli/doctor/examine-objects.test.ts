import { describe, expect, test } from 'vitest';
import { ACCOUNT, CLUSTER, identity, provider, roleArn, thrownBy } from '../../../test/support/builders.ts';
import { identityInput, usableProvider } from '../../controllers/aws-federated-identity/accept.ts';
import { examineGuardrails } from './examine-objects.ts';

const OTHER = '444455556666';

function accepted(accountId: string) {
  const subject = identity({ status: { roleArn: roleArn() } });
  const object = provider({ spec: { accountId } });
  const surroundings = { neighbours: [subject], namespaceLabels: {}, clusterId: CLUSTER, pod: undefined };
  const input = identityInput(subject);
  return examineGuardrails(
    { identity: subject, provider: object, ...surroundings },
    input,
    usableProvider('default', object),
    undefined,
  );
}

describe('the guardrails, as doctor sees them', () => {
  test('let an identity through whose role is where its provider is', () => {
    expect(accepted(ACCOUNT).says).toContain('allows what the spec asks for');
  });

  test('refuse one whose role is in another account than its provider is for now, as the operator does', async () => {
    expect(await thrownBy(() => accepted(OTHER))).toMatchObject({ reason: 'WrongAccount' });
  });
});
