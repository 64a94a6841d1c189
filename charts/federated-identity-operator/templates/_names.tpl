{{/* Names are fixed, as CRDs and admission policies are there once in a cluster, and so is the operator. */}}

{{/* Labels of Helm, beside those that the manifests have. */}}
{{- define "federated-identity-operator.addedLabels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "federated-identity-operator.labels" -}}
app.kubernetes.io/name: federated-identity-operator
{{ include "federated-identity-operator.labelsOfAll" . }}
{{- end }}

{{- define "federated-identity-operator.labelsOfAll" -}}
app.kubernetes.io/part-of: federated-identity-operator
{{ include "federated-identity-operator.addedLabels" . }}
{{- end }}

{{/*
policy or webhook. MutatingAdmissionPolicy v1 is served from Kubernetes 1.36 on unless an administrator turned it off, so
the API is asked for too. Without a cluster (helm template) only what --kube-version and --api-versions say is known.
*/}}
{{- define "federated-identity-operator.injection" -}}
{{- $mode := .Values.injection.mode }}
{{- $new := semverCompare ">=1.36.0-0" .Capabilities.KubeVersion.Version }}
{{- if and (eq $mode "policy") (not $new) }}
{{- fail (printf "injection.mode is policy, which needs Kubernetes 1.36 or newer, and this is %s: set injection.mode to auto or webhook" .Capabilities.KubeVersion.Version) }}
{{- end }}
{{- if ne $mode "auto" }}
{{- $mode }}
{{- else if and $new (.Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy") }}
{{- "policy" }}
{{- else }}
{{- "webhook" }}
{{- end }}
{{- end }}

{{- define "federated-identity-operator.image" -}}
{{- $tag := .Values.image.tag | default .Chart.AppVersion }}
{{- printf "%s:%s" .Values.image.repository $tag }}
{{- with .Values.image.digest }}@{{ . }}{{ end }}
{{- end }}

{{- define "federated-identity-operator.ipFamilies" -}}
{{- with .Values.service.ipFamilyPolicy }}
ipFamilyPolicy: {{ . }}
{{- end }}
{{- with .Values.service.ipFamilies }}
ipFamilies: {{ toJson . }}
{{- end }}
{{- end }}

{{/* The Deployments: the one that does all that is of no shard, and those of the shards. JSON, as a template gives text. */}}
{{- define "federated-identity-operator.deployments" -}}
{{- $name := "federated-identity-operator" }}
{{- $webhook := eq (include "federated-identity-operator.injection" .) "webhook" }}
{{- $all := list (dict "name" $name "webhook" $webhook "selector" .Values.settings.providerSelector) }}
{{- if and .Values.shards (not .Values.settings.providerSelector) }}
{{- fail "settings.providerSelector is required where there are shards: without it the first Deployment looks after their providers too. Exclude them, as in shard!=prod" }}
{{- end }}
{{- range .Values.shards }}
{{- $all = append $all (dict "name" (printf "%s-%s" $name .name) "webhook" false "selector" .providerSelector) }}
{{- end }}
{{- dict "items" $all | toJson }}
{{- end }}

{{/* Arguments of a Deployment: those that follow from the chart's own values where they differ from its defaults, then the settings. */}}
{{- define "federated-identity-operator.arguments" -}}
{{- $deployment := .deployment }}
{{- with .root -}}
- run
{{- if $deployment.webhook }}
- --injection=webhook
{{- end }}
{{- with .Values.injection }}
{{- if ne .mountPath "/var/run/secrets/eks.amazonaws.com/serviceaccount" }}
- {{ printf "--mount-path=%s" .mountPath | quote }}
{{- end }}
{{- if ne .annotationPrefix "eks.amazonaws.com" }}
- --annotation-prefix={{ .annotationPrefix }}
{{- end }}
{{- with .excludedNamespaces }}
- --excluded-namespaces={{ join "," . }}
{{- end }}
{{- end }}
{{- if ne (int .Values.metrics.port) 8080 }}
- --metrics-bind-address=:{{ .Values.metrics.port }}
{{- end }}
{{- if and $deployment.webhook (ne (int .Values.webhook.port) 9443) }}
- --webhook-bind-address=:{{ .Values.webhook.port }}
{{- end }}
{{- range $name, $value := mustMerge (dict "providerSelector" $deployment.selector) .Values.settings }}
{{- if not (kindIs "invalid" $value) }}
- {{ printf "--%s=%s" (kebabcase $name) (kindIs "slice" $value | ternary (join "," $value) (toString $value)) | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "federated-identity-operator.environment" -}}
- name: POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- name: NAMESPACE
  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
{{- if .Values.aws.webIdentity }}
- name: AWS_WEB_IDENTITY_TOKEN_FILE
  value: /var/run/secrets/aws/token
{{- end }}
{{- with .Values.aws.roleArn }}
- name: AWS_ROLE_ARN
  value: {{ . }}
{{- end }}
{{- with .Values.aws.region }}
- name: AWS_REGION
  value: {{ . }}
{{- end }}
{{- if .Values.caBundle.configMap }}
- name: NODE_EXTRA_CA_CERTS
  value: /etc/federated-identity/ca/{{ .Values.caBundle.key }}
{{- end }}
{{- with .Values.proxy.https }}
- name: HTTPS_PROXY
  value: {{ . | quote }}
{{- end }}
{{- with .Values.proxy.exceptions }}
- name: NO_PROXY
  value: {{ . | quote }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}
