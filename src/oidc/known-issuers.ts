/** What is wrong, as far as the remedy depends on the platform. */
export type Trouble =
  /** AWS cannot use the issuer's URL at all. */
  | 'unusable'
  /** The documents are not to be had from outside. */
  | 'not-served'
  /** The documents are there, and say something else than the tokens. */
  | 'wrong-content';

export interface KnownIssuer {
  readonly platform: string;
  readonly matches: RegExp;
  readonly remedies: Readonly<Record<Trouble, string>>;
}

const FLAGS =
  'Start kube-apiserver with --service-account-issuer=https://<public host> first (the present value stays as a second one, so that running tokens stay valid) ' +
  'and --service-account-jwks-uri=https://<public host>/openid/v1/jwks, and serve both documents there.';

const ANONYMOUS =
  'Let anybody read the two documents: kubectl create clusterrolebinding anonymous-issuer-discovery --clusterrole=system:service-account-issuer-discovery ' +
  '--group=system:unauthenticated, and --anonymous-auth=true (or an AuthenticationConfiguration that allows these two paths) on kube-apiserver.';

const PUBLISHED_AGAIN =
  'Publish the documents of the API server again: kubectl get --raw /.well-known/openid-configuration and kubectl get --raw /openid/v1/jwks.';

const BUCKET =
  'Let anybody read the two objects by a bucket policy (s3:GetObject for "*" on their keys, Block Public Access off for policies), or serve the private bucket by CloudFront.';

const AKS_ENABLE =
  'az aks update --resource-group <group> --name <cluster> --enable-oidc-issuer, then restart the pods.';

/**
 * Issuers that are known by their shape, the more particular ones first. Sources: the vendors' documentation of each, and
 * the defaults of kubeadm, k3s and OpenShift. k3s, kubeadm, kind, RKE2 and Talos cannot be told apart by their issuer.
 */
const KNOWN: readonly KnownIssuer[] = [
  {
    platform: 'GKE',
    matches: /^https:\/\/container\.googleapis\.com\/v1\/projects\/[^/]+\/(locations|zones)\/[^/]+\/clusters\/[^/]+$/,
    remedies: {
      unusable: 'GKE sets the issuer, and it cannot be changed.',
      'not-served':
        'Google serves both documents to everybody as long as the cluster exists: see gcloud container clusters describe, and the status of Google Cloud.',
      'wrong-content': 'Has the cluster been made again under the same name? Its issuer is the same, its keys are not.',
    },
  },
  {
    platform: 'AKS',
    matches: /^https:\/\/([a-z0-9]+\.)?oic\.prod-aks\.azure\.com\/|^https:\/\/oidc\.prod-aks\.azure\.com\//,
    remedies: {
      unusable: AKS_ENABLE,
      'not-served':
        'Azure serves both documents to everybody while the OIDC issuer is enabled: az aks show --query oidcIssuerProfile.',
      'wrong-content':
        'The issuer of AKS ends in a slash. After az aks oidc-issuer rotate-signing-keys, wait until the new keys are published.',
    },
  },
  {
    platform: 'AKS without its OIDC issuer',
    matches: /^"?https:\/\/[^/]+\.azmk8s\.io/,
    remedies: { unusable: AKS_ENABLE, 'not-served': AKS_ENABLE, 'wrong-content': AKS_ENABLE },
  },
  {
    platform: 'EKS',
    matches: /^https:\/\/oidc\.eks(-fips)?\.[a-z0-9-]+\.(amazonaws\.com(\.cn)?|api\.aws)\/id\/[0-9A-F]+$/,
    remedies: {
      unusable: 'EKS sets the issuer, and it cannot be changed.',
      'not-served':
        'AWS serves both documents to everybody as long as the cluster exists: aws eks describe-cluster --query cluster.identity.oidc.',
      'wrong-content':
        'Is this kubeconfig of the cluster that it should be? aws eks describe-cluster shows its issuer.',
    },
  },
  {
    platform: 'OpenShift',
    matches: /^https:\/\/kubernetes\.default\.svc\/?$/,
    remedies: {
      unusable:
        'OpenShift: make both documents public (ccoctl aws create-identity-provider does it in S3), then oc patch authentication cluster --type=merge ' +
        `-p '{"spec":{"serviceAccountIssuer":"https://<public host>"}}'. Any other cluster: ${FLAGS}`,
      'not-served': ANONYMOUS,
      'wrong-content': PUBLISHED_AGAIN,
    },
  },
  {
    platform: 'kubeadm, kind, k3s, RKE2 or Talos',
    matches: /^https:\/\/kubernetes\.default(\.svc(\.[a-z0-9.-]+)?)?\/?$/,
    remedies: {
      unusable:
        `${FLAGS} kubeadm and kind: apiServer.extraArgs of the ClusterConfiguration. k3s: --kube-apiserver-arg=service-account-issuer=… ` +
        '(kube-apiserver-arg in /etc/rancher/k3s/config.yaml; RKE2: /etc/rancher/rke2/config.yaml). Talos: cluster.apiServer.extraArgs.',
      'not-served': ANONYMOUS,
      'wrong-content': PUBLISHED_AGAIN,
    },
  },
  {
    platform: 'OpenShift with ccoctl',
    matches: /^https:\/\/[a-z0-9-]+-oidc\.s3\.[a-z0-9-]+\.amazonaws\.com(\.cn)?\/?$/,
    remedies: {
      unusable: FLAGS,
      'not-served': `${BUCKET} ccoctl aws create-identity-provider --create-private-s3-bucket does the latter.`,
      'wrong-content':
        'Run ccoctl aws create-identity-provider again with the present bound-service-account-signing-key.',
    },
  },
  {
    platform: 'ROSA',
    matches: /^https:\/\/oidc\.(op1\.openshiftapps\.com|[a-z0-9]+\.openshiftusgov\.com)\//,
    remedies: {
      unusable: 'ROSA sets the issuer: rosa list oidc-config.',
      'not-served': 'Red Hat serves both documents to everybody: rosa list oidc-config.',
      'wrong-content': 'See rosa describe cluster: its OIDC endpoint URL must be this issuer.',
    },
  },
  {
    platform: 'a bucket in S3',
    matches: /^https:\/\/([^/]+\.)?s3([.-][a-z0-9-]+)*\.amazonaws\.com(\.cn)?\//,
    remedies: { unusable: FLAGS, 'not-served': BUCKET, 'wrong-content': PUBLISHED_AGAIN },
  },
  {
    platform: 'CloudFront',
    matches: /^https:\/\/[a-z0-9]+\.cloudfront\.net\//,
    remedies: {
      unusable: FLAGS,
      'not-served':
        'Look at the origin of the distribution, its origin access control and the bucket policy: CloudFront answers 403 for objects that it may not read or that are not there.',
      'wrong-content': `${PUBLISHED_AGAIN} Then invalidate both paths.`,
    },
  },
];

const SELF_MANAGED: KnownIssuer = {
  platform: 'a cluster of your own',
  matches: /^/,
  remedies: { unusable: FLAGS, 'not-served': ANONYMOUS, 'wrong-content': PUBLISHED_AGAIN },
};

/** The platform that an issuer belongs to, by its shape; a trailing slash that was lost does not hide it. */
export const knownIssuer = (issuer: string): KnownIssuer =>
  KNOWN.find(({ matches }) => matches.test(issuer) || matches.test(`${issuer}/`)) ?? SELF_MANAGED;
