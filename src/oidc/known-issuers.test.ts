import { describe, expect, test } from 'vitest';
import { knownIssuer } from './known-issuers.ts';

describe('a platform is known by the shape of its issuer', () => {
  test.each([
    { issuer: 'https://container.googleapis.com/v1/projects/p/locations/europe-west1/clusters/c', platform: 'GKE' },
    { issuer: 'https://container.googleapis.com/v1/projects/p/zones/europe-west1-b/clusters/c', platform: 'GKE' },
    { issuer: 'https://westeurope.oic.prod-aks.azure.com/tenant/cluster/', platform: 'AKS' },
    { issuer: 'https://westeurope.oic.prod-aks.azure.com/tenant/cluster', platform: 'AKS' },
    { issuer: 'https://oidc.prod-aks.azure.com/uuid/', platform: 'AKS' },
    { issuer: 'https://c-dns-1a2b.hcp.westeurope.azmk8s.io', platform: 'AKS without its OIDC issuer' },
    { issuer: '"https://c-dns-1a2b.hcp.westeurope.azmk8s.io:443"', platform: 'AKS without its OIDC issuer' },
    { issuer: 'https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF', platform: 'EKS' },
    { issuer: 'https://oidc.eks.cn-north-1.amazonaws.com.cn/id/0123', platform: 'EKS' },
    { issuer: 'https://kubernetes.default.svc', platform: 'OpenShift' },
    {
      issuer: 'https://kubernetes.default.svc.cluster.local',
      platform: 'kubeadm, kind, k3s, RKE2 or Talos',
    },
    { issuer: 'https://kubernetes.default.svc.corp.example', platform: 'kubeadm, kind, k3s, RKE2 or Talos' },
    { issuer: 'https://mycluster-oidc.s3.us-east-2.amazonaws.com', platform: 'OpenShift with ccoctl' },
    { issuer: 'https://oidc.op1.openshiftapps.com/abc', platform: 'ROSA' },
    { issuer: 'https://bucket.s3.eu-west-1.amazonaws.com/cluster-a', platform: 'a bucket in S3' },
    { issuer: 'https://s3.eu-west-1.amazonaws.com/bucket/cluster-a', platform: 'a bucket in S3' },
    { issuer: 'https://bucket.s3.cn-north-1.amazonaws.com.cn/a', platform: 'a bucket in S3' },
    { issuer: 'https://d111111abcdef8.cloudfront.net/a', platform: 'CloudFront' },
    { issuer: 'https://api.example.com', platform: 'a cluster of your own' },
    { issuer: 'https://container.googleapis.com.example.com/v1/projects/p', platform: 'a cluster of your own' },
    { issuer: 'https://oidc.eks.example.com/id/0123', platform: 'a cluster of your own' },
    { issuer: '', platform: 'a cluster of your own' },
  ])('$issuer: $platform', ({ issuer, platform }) => {
    expect(knownIssuer(issuer).platform).toBe(platform);
  });
});

describe('the remedy is that of the platform', () => {
  test.each([
    { issuer: 'https://kubernetes.default.svc.cluster.local', says: '--kube-apiserver-arg=service-account-issuer' },
    { issuer: 'https://kubernetes.default.svc.cluster.local', says: 'extraArgs of the ClusterConfiguration' },
    { issuer: 'https://kubernetes.default.svc.cluster.local', says: '/etc/rancher/rke2/config.yaml' },
    { issuer: 'https://kubernetes.default.svc', says: 'oc patch authentication cluster' },
    { issuer: 'https://c.hcp.westeurope.azmk8s.io', says: 'az aks update' },
    { issuer: 'https://api.example.com', says: '--service-account-jwks-uri' },
  ])('$issuer cannot be used: $says', ({ issuer, says }) => {
    expect(knownIssuer(issuer).remedies.unusable).toContain(says);
  });

  test.each([
    { issuer: 'https://api.example.com', says: 'system:service-account-issuer-discovery' },
    { issuer: 'https://bucket.s3.eu-west-1.amazonaws.com/a', says: 'bucket policy' },
    { issuer: 'https://a-oidc.s3.us-east-2.amazonaws.com', says: '--create-private-s3-bucket' },
    { issuer: 'https://d1.cloudfront.net/a', says: 'origin access control' },
    { issuer: 'https://westeurope.oic.prod-aks.azure.com/t/c/', says: 'az aks show' },
  ])('$issuer does not serve its documents: $says', ({ issuer, says }) => {
    expect(knownIssuer(issuer).remedies['not-served']).toContain(says);
  });
});
