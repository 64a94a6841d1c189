/** What an installation may choose about admission. Everything in `config/admission` follows from it. */
export interface AdmissionOptions {
  /** The operator's own ServiceAccount: the only writer of tables and the `bound` label, limited in the tokens it may request. */
  readonly operator: { readonly namespace: string; readonly serviceAccount: string };
  /** Namespaces whose pods are never looked at, beside kube-system and the operator's own. */
  readonly excludedNamespaces: readonly string[];
  /** Folder of the token in a container; on Windows the same path on drive C. */
  readonly mountPath: string;
  /** Domain of the pod annotations `skip-containers` and `token-expiration`. */
  readonly annotationPrefix: string;
  /** Service in the operator's namespace by which API servers reach the webhook; of no account in policy mode. */
  readonly webhookService: string;
  /** Audiences that the operator may request tokens for; every client id of every AwsOidcProvider belongs here. */
  readonly tokenAudiences: readonly [string, ...string[]];
  /** Longest lifetime of a token that the operator may request, in seconds. */
  readonly maxOperatorTokenSeconds: number;
}

/** Paths, annotations and audience are those of the EKS pod identity webhook, so that its users change nothing. */
export const defaultAdmissionOptions: AdmissionOptions = {
  operator: { namespace: 'federated-identity-system', serviceAccount: 'federated-identity-operator' },
  excludedNamespaces: [],
  mountPath: '/var/run/secrets/eks.amazonaws.com/serviceaccount',
  annotationPrefix: 'eks.amazonaws.com',
  webhookService: 'federated-identity-webhook',
  tokenAudiences: ['sts.amazonaws.com'],
  maxOperatorTokenSeconds: 3600,
};

/** The name by which the API server knows the operator's ServiceAccount. */
export function operatorUsername({ operator }: AdmissionOptions): string {
  return `system:serviceaccount:${operator.namespace}:${operator.serviceAccount}`;
}

/** kube-system and the operator's own namespace can't be taken off the list: they must start when all else fails. */
export function excludedNamespaces(options: {
  readonly operator: Pick<AdmissionOptions['operator'], 'namespace'>;
  readonly excludedNamespaces: readonly string[];
}): readonly string[] {
  return [...new Set(['kube-system', options.operator.namespace, ...options.excludedNamespaces])];
}
