{{/* The name of all objects: the release's. */}}
{{- define "tocsin.name" -}}
{{- .Values.fullnameOverride | default .Release.Name | trunc 52 | trimAll "-." }}
{{- end }}

{{/* The name of the CronJob of a node: the release's if it is the only one; 52 characters at most, as Jobs add eleven. */}}
{{- define "tocsin.cronjob" -}}
{{- $name := include "tocsin.name" .root }}
{{- if gt (len .root.Values.nodes) 1 }}
{{- $name = printf "%s-%s" ($name | trunc 43 | trimAll "-.") (sha256sum .node | trunc 8) }}
{{- end }}
{{- $name }}
{{- end }}

{{- define "tocsin.selector" -}}
app.kubernetes.io/name: tocsin
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{/* The operator's labels or annotations, none of which may be one of the chart's own: a key given twice is no YAML. */}}
{{- define "tocsin.others" -}}
{{- range $key, $_ := . }}
{{- if regexMatch "^(app|app\\.kubernetes\\.io/(name|instance|version|component|managed-by)|helm\\.sh/chart|checksum/settings|kubectl\\.kubernetes\\.io/default-container)$" $key }}
{{- fail (printf "commonLabels, podLabels, podAnnotations: %s is the chart's own (nameOverride is for app), so name it otherwise" $key) }}
{{- end }}
{{- end }}
{{- toYaml . }}
{{- end }}

{{- define "tocsin.labels" -}}
app: {{ .Values.nameOverride | default "tftp-monitor" | quote }}
{{ include "tocsin.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- with .Values.commonLabels }}
{{ include "tocsin.others" . }}
{{- end }}
{{- end }}

{{/* The labels of what watches, which the pod of `helm test` does not. */}}
{{- define "tocsin.watcher" -}}
{{ include "tocsin.labels" . }}
app.kubernetes.io/component: watcher
{{- end }}

{{/* Labels that do not change with the chart's version, so that a pod is renewed only when it must. */}}
{{- define "tocsin.podMetadata" -}}
labels:
  app: {{ .Values.nameOverride | default "tftp-monitor" | quote }}
  {{- include "tocsin.selector" . | nindent 2 }}
  app.kubernetes.io/component: watcher
  {{- with merge (dict) .Values.podLabels .Values.commonLabels }}
  {{- include "tocsin.others" . | nindent 2 }}
  {{- end }}
annotations:
  kubectl.kubernetes.io/default-container: tocsin
  {{- with .Values.podAnnotations }}
  {{- include "tocsin.others" . | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "tocsin.account" -}}
{{- if .Values.serviceAccount.create }}
{{- .Values.serviceAccount.name | default (include "tocsin.name" .) }}
{{- else }}
{{- .Values.serviceAccount.name | default "default" }}
{{- end }}
{{- end }}

{{- define "tocsin.secret" -}}
{{- if and .Values.existingSecret .Values.secrets }}
{{- fail "existingSecret and secrets: only one of them can be mounted at /secrets; leave the other out" }}
{{- end }}
{{- .Values.existingSecret | default (ternary (printf "%s-secrets" (include "tocsin.name" .)) "" (not (empty .Values.secrets))) }}
{{- end }}

{{- define "tocsin.codeMap" -}}
{{- .Values.code.configMap | default (include "tocsin.name" .) }}
{{- end }}

{{- define "tocsin.image" -}}
{{- $stock := eq .Values.delivery "configmap" }}
{{- .Values.image.repository | default (ternary "docker.io/library/python" "localhost/tocsin" $stock) }}
{{- with .Values.image.tag | default (ternary "" (ternary "3.11-slim" "dev" $stock) (not (empty .Values.image.digest))) }}:{{ . }}{{ end }}
{{- with .Values.image.digest }}@{{ . }}{{ end }}
{{- end }}

{{/* A folder of the node that the init container may give away: not one that others use. */}}
{{- define "tocsin.own" -}}
{{- if or (not (regexMatch "^/[^/]+/[^/]" .path)) (regexMatch "^/(var|usr|etc|run|home)/[^/]+/?$|/\\.\\.?(/|$)|//" .path) (regexMatch "^/(bin|boot|dev|etc|lib|proc|root|run|sbin|sys|usr)/|^/var/(lib/(cni|containerd|containers|docker|etcd|kubelet|minikube)|log/(containers|journal|pods))(/|$)" .path) }}
{{- fail (printf "%s: %s is given to tocsin's user, so name a folder of tocsin's own, such as %s" .value .path .such) }}
{{- end }}
{{- .path }}
{{- end }}
