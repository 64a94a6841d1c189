import { type BootstrapDesign, DEFAULT_AUDIENCE } from './bootstrap-design.ts';
import { type BootstrapPlan, countChanges, isRefused } from './bootstrap-plan.ts';
import { planText } from './plan-text.ts';
import { shellWord } from './shell-word.ts';
import { type Paint, visible } from './terminal.ts';

/** The plan for a person, in the manner of `plan`. */
export function bootstrapText(plan: BootstrapPlan, paint: Paint): string {
  const { design, role } = plan;
  const provider = [paint('bold', visible(`OIDC provider ${design.provider.arn}`)), ...providerLines(plan, paint)];
  const outcome = role.kind === 'planned' ? role : { ...role, kind: 'refused' as const };
  const { namespace, serviceAccount: name } = design;
  const ofRole = planText([{ namespace, name, role: design.role.name, remarks: [], outcome }], paint);
  return `${provider.join('\n')}\n\n${ofRole}`;
}

function providerLines({ provider: plan, design }: BootstrapPlan, paint: Paint): readonly string[] {
  switch (plan.kind) {
    case 'use':
      return ['  0 to change: it existed before, is used, and never changed.'];
    case 'refuse':
      return [
        `  ${paint('red', '!')} ${plan.reason}: ${visible(plan.message)}`,
        '  Refused: nothing would be changed.',
      ];
    case 'apply':
      if (plan.actions.length === 0) return ['  0 to change: in sync.'];
      return [
        ...plan.actions.flatMap((action) =>
          action.type === 'CreateOpenIDConnectProvider' ? creation(design, paint) : [change(action, paint)],
        ),
        `  ${plan.actions.length} to change.`,
      ];
    default:
      return plan satisfies never;
  }
}

type ProviderAction = Extract<BootstrapPlan['provider'], { kind: 'apply' }>['actions'][number];

function creation({ provider }: BootstrapDesign, paint: Paint): readonly string[] {
  const parts = [
    `clientIds: ${[...provider.clientIds].join(', ')}`,
    `thumbprints: ${provider.thumbprints?.join(', ') ?? 'found by IAM'}`,
    `tags: ${[...provider.tags].map(([key, value]) => `${key}=${value}`).join(', ')}`,
  ];
  return [
    `  ${paint('green', visible(`+ oidcProvider: ${provider.issuer}`))}  ${paint('dim', '# CreateOpenIDConnectProvider')}`,
    ...parts.map((part) => `      ${paint('green', visible(`+ ${part}`))}`),
  ];
}

function change(action: Exclude<ProviderAction, { type: 'CreateOpenIDConnectProvider' }>, paint: Paint): string {
  const line = (style: 'green' | 'red' | 'yellow', text: string): string =>
    `  ${paint(style, visible(text))}  ${paint('dim', `# ${action.type}`)}`;
  switch (action.type) {
    case 'AddClientIDToOpenIDConnectProvider':
      return line('green', `+ oidcProvider.clientIds: ${action.clientId}`);
    case 'RemoveClientIDFromOpenIDConnectProvider':
      return line('red', `- oidcProvider.clientIds: ${action.clientId}`);
    case 'UpdateOpenIDConnectProviderThumbprint':
      return line('yellow', `~ oidcProvider.thumbprints: ${action.thumbprints.join(', ')}`);
    default:
      return action satisfies never;
  }
}

/** The last line of a run that only shows. */
export function dryRunNote(plan: BootstrapPlan): string {
  if (isRefused(plan)) return 'Refused: nothing was changed, and --apply would change nothing either.\n';
  return countChanges(plan) === 0
    ? 'Nothing to do.\n'
    : 'Nothing was changed. Run it again with --apply to carry this out, or with --print to get it for another tool.\n';
}

/** What to do in the cluster, once the role is there. No key is involved: the pods have a token that AWS takes for the role. */
export function nextStep(design: BootstrapDesign): string {
  const { namespace, roleArn, region, serviceAccount } = design;
  const inNamespace = `-n ${shellWord(namespace)}`;
  return [
    'Next: tell the operator its role. It takes the credentials by the token of its own ServiceAccount; there are no keys.',
    '',
    `kubectl create configmap federated-identity-operator-aws ${inNamespace} \\`,
    `  --from-literal=${shellWord(`AWS_ROLE_ARN=${roleArn}`)} \\`,
    `  --from-literal=${shellWord(`AWS_REGION=${region}`)} \\`,
    '  --dry-run=client -o yaml | kubectl apply -f -',
    `kubectl rollout restart deployment/${shellWord(serviceAccount)} ${inNamespace}`,
    ...(design.audience === DEFAULT_AUDIENCE ? [] : audiencePatch(design)),
    '',
  ].join('\n');
}

/** The Deployment mounts a token for DEFAULT_AUDIENCE; another one takes a patch. */
const audiencePatch = ({ audience, serviceAccount }: BootstrapDesign): readonly string[] => [
  '',
  `The token must be for the audience ${audience}. Put this into the patches of your kustomization.yaml:`,
  '',
  `- target: {kind: Deployment, name: ${JSON.stringify(serviceAccount)}}`,
  '  patch: |-',
  '    - op: replace',
  '      path: /spec/template/spec/volumes/0/projected/sources/0/serviceAccountToken/audience',
  `      value: ${JSON.stringify(audience)}`,
];
