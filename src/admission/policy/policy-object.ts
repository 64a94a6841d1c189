import type { Cel } from './cel.ts';
import { type AdmissionOptions, excludedNamespaces } from '../options.ts';

/** The part of admissionregistration.k8s.io/v1 that these policies use; field names are Kubernetes' own. */
export interface Metadata {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface NamedExpression {
  readonly name: string;
  readonly expression: string;
}

export interface Selector {
  readonly matchExpressions: readonly {
    readonly key: string;
    readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
    readonly values?: readonly string[];
  }[];
}

export interface MatchConstraints {
  readonly namespaceSelector?: Selector;
  readonly resourceRules: readonly {
    readonly apiGroups: readonly string[];
    readonly apiVersions: readonly string[];
    readonly operations: readonly ('CREATE' | 'UPDATE' | 'DELETE')[];
    readonly resources: readonly string[];
    readonly resourceNames?: readonly string[];
  }[];
}

export interface ParamKind {
  readonly apiVersion: string;
  readonly kind: string;
}

/** Parameters of a namespaced kind are looked up in the namespace of the request. */
export interface ParamRef {
  readonly name?: string;
  readonly selector?: Selector;
  readonly parameterNotFoundAction: 'Allow' | 'Deny';
}

interface PolicySpec {
  readonly failurePolicy: 'Fail' | 'Ignore';
  readonly matchConstraints: MatchConstraints;
  readonly paramKind?: ParamKind;
  readonly matchConditions: readonly NamedExpression[];
  readonly variables?: readonly NamedExpression[];
}

export interface MutatingAdmissionPolicySpec extends PolicySpec {
  readonly reinvocationPolicy: 'IfNeeded' | 'Never';
  readonly mutations: readonly {
    readonly patchType: 'JSONPatch';
    readonly jsonPatch: { readonly expression: string };
  }[];
}

export interface Validation {
  readonly expression: string;
  /** Shown when the message expression fails, or gives more than 5 KiB or a line break. */
  readonly message: string;
  readonly messageExpression?: string;
  readonly reason: 'Forbidden' | 'Invalid';
}

export interface ValidatingAdmissionPolicySpec extends PolicySpec {
  readonly validations: readonly Validation[];
}

export interface PolicyObject<Kind extends string, Spec> {
  readonly apiVersion: 'admissionregistration.k8s.io/v1';
  readonly kind: Kind;
  readonly metadata: Metadata;
  readonly spec: Spec;
}

interface BindingSpec {
  readonly policyName: string;
  readonly paramRef?: ParamRef;
}

type MutatingAdmissionPolicy = PolicyObject<'MutatingAdmissionPolicy', MutatingAdmissionPolicySpec>;
type MutatingAdmissionPolicyBinding = PolicyObject<'MutatingAdmissionPolicyBinding', BindingSpec>;
type ValidatingAdmissionPolicy = PolicyObject<'ValidatingAdmissionPolicy', ValidatingAdmissionPolicySpec>;
type ValidatingAdmissionPolicyBinding = PolicyObject<
  'ValidatingAdmissionPolicyBinding',
  BindingSpec & { readonly validationActions: readonly ['Deny'] }
>;

export type AdmissionObject =
  | MutatingAdmissionPolicy
  | MutatingAdmissionPolicyBinding
  | ValidatingAdmissionPolicy
  | ValidatingAdmissionPolicyBinding;

/** Who a policy is: its name, one sentence for whoever meets it in a cluster, and where its parameters come from. */
export interface PolicyIdentity {
  readonly name: string;
  readonly description: string;
  readonly paramRef?: ParamRef;
  /** Further annotations of the policy and of its binding. */
  readonly annotations?: Readonly<Record<string, string>>;
}

export const labels = {
  'app.kubernetes.io/name': 'federated-identity-operator',
  'app.kubernetes.io/part-of': 'federated-identity-operator',
  'app.kubernetes.io/component': 'admission',
};

const apiVersion = 'admissionregistration.k8s.io/v1';

function policyMetadata({ name, description, annotations }: PolicyIdentity): Metadata {
  return { name, labels, annotations: { 'kubernetes.io/description': description, ...annotations } };
}

function bindingMetadata({ name, annotations }: PolicyIdentity): Metadata {
  return annotations === undefined ? { name, labels } : { name, labels, annotations };
}

function bindingSpec({ name, paramRef }: PolicyIdentity): BindingSpec {
  return paramRef === undefined ? { policyName: name } : { policyName: name, paramRef };
}

/** A policy that changes objects, and the binding (of the same name) that puts it in force. */
export function mutatingPolicy(
  identity: PolicyIdentity,
  spec: MutatingAdmissionPolicySpec,
): readonly [MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding] {
  return [
    { apiVersion, kind: 'MutatingAdmissionPolicy', metadata: policyMetadata(identity), spec },
    {
      apiVersion,
      kind: 'MutatingAdmissionPolicyBinding',
      metadata: bindingMetadata(identity),
      spec: bindingSpec(identity),
    },
  ];
}

/** A policy that refuses objects, and the binding (of the same name) that puts it in force. */
export function validatingPolicy(
  identity: PolicyIdentity,
  spec: ValidatingAdmissionPolicySpec,
): readonly [ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding] {
  return [
    { apiVersion, kind: 'ValidatingAdmissionPolicy', metadata: policyMetadata(identity), spec },
    {
      apiVersion,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: bindingMetadata(identity),
      spec: { ...bindingSpec(identity), validationActions: ['Deny'] },
    },
  ];
}

/** A match condition or variable. */
export function named(name: string, expression: Cel): NamedExpression {
  return { name, expression: expression.source };
}

/** All namespaces but the excluded ones. */
export function outsideExcludedNamespaces(options: AdmissionOptions): Selector {
  return {
    matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: excludedNamespaces(options) }],
  };
}

/** New pods everywhere but in the excluded namespaces. */
export function podCreations(options: AdmissionOptions): MatchConstraints {
  return {
    namespaceSelector: outsideExcludedNamespaces(options),
    resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
  };
}

/** New and changed ServiceAccounts, outside of the excluded namespaces. */
export function serviceAccountWrites(options: AdmissionOptions): MatchConstraints {
  return {
    namespaceSelector: outsideExcludedNamespaces(options),
    resourceRules: [
      { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['serviceaccounts'] },
    ],
  };
}
