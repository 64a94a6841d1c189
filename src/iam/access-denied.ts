/** What AWS says in an AccessDenied, where it has the usual form. */
interface Denial {
  readonly principal: string;
  readonly action: string;
  readonly resource: string | undefined;
  readonly isExplicit: boolean;
  /** The end of the text: the kind of policy that decided. */
  readonly cause: string;
}

/** Form of IAM's text (IAM User Guide, "Troubleshoot access denied error messages"). */
const DENIAL =
  /^User: (\S+) is not authorized to perform: ([\w-]+:\w+)(?: on resource: (.+?))?(?: (because no|with an explicit deny in) (.+))?$/;

function parseDenial(text: string): Denial | undefined {
  const [, principal, action, resource, verb, cause = ''] = DENIAL.exec(text) ?? [];
  if (principal === undefined || action === undefined) return undefined;
  return { principal, action, resource, isExplicit: verb === 'with an explicit deny in', cause };
}

interface Origin {
  /** Occurs in AWS's text. */
  readonly policy: string;
  readonly remedy: (denial: Denial) => string;
}

const OUTSIDE = "A statement in the operator's own policies does not help.";

/** Policies beside those of the principal itself; AWS names the one that decided. */
const ORIGINS: readonly Origin[] = [
  {
    policy: 'service control policy',
    remedy: ({ action, isExplicit }) =>
      `${isExplicit ? 'A service control policy (SCP) of the AWS organization denies it explicitly' : 'No service control policy (SCP) of the AWS organization allows it'}: ` +
      `its administrators must permit ${action} for this account. ${OUTSIDE}`,
  },
  {
    policy: 'resource control policy',
    remedy: ({ action, isExplicit }) =>
      `${isExplicit ? 'A resource control policy (RCP) of the AWS organization denies it explicitly' : 'No resource control policy (RCP) of the AWS organization allows it'}: ` +
      `its administrators must permit ${action} on this resource. ${OUTSIDE}`,
  },
  {
    policy: 'permissions boundary',
    remedy: (denial) =>
      denial.isExplicit
        ? `The permissions boundary of ${denial.principal} denies it explicitly: remove that Deny statement from the boundary.`
        : `The permissions boundary of ${denial.principal} does not allow it: add ${statementFor(denial)} to the boundary.`,
  },
  {
    policy: 'session policy',
    remedy: ({ action }) =>
      `The session policy that the operator's credentials were made with does not permit ${action}.`,
  },
  {
    policy: 'VPC endpoint policy',
    remedy: ({ action }) => `The policy of the VPC endpoint that the call went through does not permit ${action}.`,
  },
];

/** What to change after an AccessDenied, and where: the statement to add, or whose policy forbids it. */
export function remedyForDenial(operation: string, text: string): string {
  const denial = parseDenial(text);
  if (denial === undefined) return `Grant the operator's role ${serviceOf(operation)}:${operation} on it.`;
  const origin = ORIGINS.find(({ policy }) => denial.cause.includes(policy));
  if (origin !== undefined) return origin.remedy(denial);
  if (denial.action === 'sts:AssumeRole') {
    return `The trust policy of that role must name ${denial.principal}, with the externalId of spec.assumeRole if it demands one; and its own policies must allow ${statementFor(denial)}.`;
  }
  return denial.isExplicit
    ? `A policy of ${denial.principal} denies it explicitly: remove that Deny statement.`
    : `Add to the policies of ${denial.principal}: ${statementFor(denial)}.`;
}

const STS_OPERATIONS: ReadonlySet<string> = new Set(['AssumeRole', 'AssumeRoleWithWebIdentity', 'GetCallerIdentity']);

const serviceOf = (operation: string): string => (STS_OPERATIONS.has(operation) ? 'sts' : 'iam');

/** IAM names a role that it cannot resolve as `role NAME`, which no policy can hold. */
const statementFor = ({ action, resource = '*' }: Denial): string =>
  JSON.stringify({
    Effect: 'Allow',
    Action: action,
    Resource: resource.startsWith('arn:') || resource === '*' ? resource : `<ARN of ${resource}>`,
  });
