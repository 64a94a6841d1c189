import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { roleArn } from '../../test/support/builders.ts';
import type { Pod } from '../kube/pods.ts';
import { assumedForm, doubtAbout, type FormOptions, withFormOptions } from './injection-form.ts';

const ROLE = roleArn();

/** As the operator injects a container that has no mount at the token's place. */
const injected = {
  name: 'main',
  env: [
    { name: 'AWS_ROLE_ARN', value: ROLE },
    { name: 'AWS_WEB_IDENTITY_TOKEN_FILE', value: '/token/token' },
  ],
  volumeMounts: [{ name: 'aws-iam-token', mountPath: '/token' }],
};
/** As it leaves one whose author mounts something there. */
const withOwnMount = { ...injected, volumeMounts: [{ name: 'own', mountPath: '/token' }] };
const sidecar = { name: 'sidecar' };
const API_SERVER_TOKENS = '/var/run/secrets/kubernetes.io/serviceaccount';
const withApiServerToken = {
  name: 'main',
  env: [
    { name: 'AWS_ROLE_ARN', value: ROLE },
    { name: 'AWS_WEB_IDENTITY_TOKEN_FILE', value: `${API_SERVER_TOKENS}/token` },
  ],
  volumeMounts: [{ name: 'kube-api-access', mountPath: API_SERVER_TOKENS }],
};
const withBothMounts = {
  ...injected,
  volumeMounts: [{ name: 'own', mountPath: '/var/run/secrets/eks.amazonaws.com/serviceaccount' }],
};

const pod = (containers: Pod['spec']['containers'], annotations: Record<string, string> = {}): Pod => ({
  metadata: { namespace: 'analytics', name: 'web-1', annotations },
  spec: { containers },
});
const skips = (prefix: string) => ({ [`${prefix}/skip-containers`]: 'sidecar' });

const doubt = (subject: Pod, options: FormOptions = {}) => doubtAbout(subject, ROLE, assumedForm(options));

describe('how a pod is judged', () => {
  test.each([
    { name: 'injected by other settings', subject: pod([injected]), options: {} },
    { name: 'bare', subject: pod([sidecar]), options: {} },
    { name: 'with the annotation of the default', subject: pod([injected, sidecar], skips('eks.amazonaws.com')) },
    {
      name: 'with another annotation that changes nothing',
      subject: pod([injected], skips('acme.io')),
    },
    {
      name: 'with another annotation, once it is said which one counts',
      subject: pod([injected, sidecar], skips('acme.io')),
      options: { annotationPrefix: 'eks.amazonaws.com' },
    },
    {
      name: 'with a token of its own, once it is said where the token is',
      subject: pod([withOwnMount]),
      options: { mountPath: '/var/run/secrets/eks.amazonaws.com/serviceaccount' },
    },
    { name: 'with the token for the API server, which no operator puts there', subject: pod([withApiServerToken]) },
    { name: 'that has its role by the default, whatever else it has', subject: pod([withBothMounts]) },
    { name: 'that opted out', subject: pod([withOwnMount], { 'federatedidentity.dev/inject': 'false' }) },
  ])('is clear for one $name', ({ subject, options }) => {
    expect(doubt(subject, options)).toBeUndefined();
  });

  test('hangs on the prefix of an annotation that only another installation reads', () => {
    expect(doubt(pod([injected, sidecar], skips('acme.io')))).toBe(
      'Pod web-1 has the annotation acme.io/skip-containers, which counts only where the operator runs so. Say by --annotation-prefix how it runs: its Deployment names it, and without it there it is eks.amazonaws.com.',
    );
  });

  test('hangs on the place of a token that only another installation has', () => {
    expect(doubt(pod([withOwnMount]))).toContain('a token of its own in /token, which counts only where');
    expect(doubt(pod([withOwnMount]))).toContain('Say by --mount-path how it runs');
  });
});

describe('the flags', () => {
  test('are those of the operator, and empty unless they are given', () => {
    const given = withFormOptions(new Command()).parse(['--annotation-prefix', 'acme.io'], { from: 'user' }).opts();
    expect(given).toEqual({ annotationPrefix: 'acme.io' });
    expect(assumedForm(given)).toEqual({
      mountPath: '/var/run/secrets/eks.amazonaws.com/serviceaccount',
      annotationPrefix: 'acme.io',
      given: { mountPath: false, annotationPrefix: true },
    });
  });

  test('are refused as the operator refuses them', () => {
    expect(() => assumedForm({ mountPath: 'relative' })).toThrow('--mount-path');
  });
});
