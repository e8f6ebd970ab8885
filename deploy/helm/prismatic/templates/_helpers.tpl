{{/* Names, labels, images, ports. Components are called as in files/connections.yaml. */}}

{{- define "prismatic.name" -}}
{{ default .Chart.Name .Values.nameOverride | trunc 38 | trimSuffix "-" }}
{{- end }}

{{/* At most 38 characters: the longest suffix has 24, and a CronJob's name at most 52. */}}
{{- define "prismatic.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride | trunc 38 | trimSuffix "-" }}
{{- else if contains (include "prismatic.name" .) .Release.Name -}}
{{ .Release.Name | trunc 38 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name (include "prismatic.name" .) | trunc 38 | trimSuffix "-" }}
{{- end -}}
{{- end }}

{{/* What selects a component's pods; never changes. (dict "root" $ "component" "gateway") */}}
{{- define "prismatic.selectorLabels" -}}
app.kubernetes.io/name: {{ include "prismatic.name" .root | quote }}
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* Without a component: what selects all pods of the release. */}}
{{- define "prismatic.releaseLabels" -}}
app.kubernetes.io/name: {{ include "prismatic.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "prismatic.labels" -}}
{{- $all := dict
    "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63)
    "app.kubernetes.io/version" .root.Chart.AppVersion
    "app.kubernetes.io/managed-by" .root.Release.Service
    "app.kubernetes.io/part-of" "prismatic" }}
{{- $own := include "prismatic.selectorLabels" . | fromYaml }}
{{- mergeOverwrite (deepCopy .root.Values.commonLabels) $all $own | toYaml }}
{{- end }}

{{/* The metadata of an object. (dict "root" $ "component" C "name" N ["annotations" A] ["labels" L]) */}}
{{- define "prismatic.metadata" -}}
name: {{ .name | quote }}
namespace: {{ .root.Release.Namespace | quote }}
labels:
  {{- mergeOverwrite (deepCopy (.labels | default dict)) (include "prismatic.labels" . | fromYaml) | toYaml | nindent 2 }}
{{- with mergeOverwrite (deepCopy .root.Values.commonAnnotations) (.annotations | default dict) }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The name of a component's objects. */}}
{{- define "prismatic.componentName" -}}
{{ include "prismatic.fullname" .root }}-{{ .component }}
{{- end }}

{{/* An image of the suite, below defaults.imageRegistry. (dict "root" $ "image" .Values.gateway.image) */}}
{{- define "prismatic.image" -}}
{{- $repository := .image.repository -}}
{{- if .root.Values.defaults.imageRegistry -}}
{{- $repository = printf "%s/%s" .root.Values.defaults.imageRegistry $repository -}}
{{- end -}}
{{- include "prismatic.imageAt" (dict "repository" $repository "digest" .image.digest
    "tag" (coalesce .image.tag .root.Values.defaults.imageTag .root.Chart.AppVersion)) -}}
{{- end }}

{{/* A digest wins over a tag. */}}
{{- define "prismatic.imageAt" -}}
{{- if .digest -}}{{ .repository }}@{{ .digest }}{{- else -}}{{ .repository }}:{{ .tag }}{{- end -}}
{{- end }}

{{/* The number of a port. (dict "root" $ "component" "gateway" "port" "http") */}}
{{- define "prismatic.port" -}}
{{- $table := .root.Files.Get "files/connections.yaml" | fromYaml -}}
{{ index $table.ports .component .port | int }}
{{- end }}

{{/* host:port to bind to, for a flag. */}}
{{- define "prismatic.listen" -}}
{{ .root.Values.defaults.listenHost }}:{{ include "prismatic.port" . }}
{{- end }}

{{/* Where a gRPC client finds all replicas. (dict "root" $ "component" C "port" P "service" "headless") */}}
{{- define "prismatic.target" -}}
dns:///{{ include "prismatic.componentName" . }}-{{ .service }}.{{ .root.Release.Namespace }}.svc:{{ include "prismatic.port" . }}
{{- end }}

{{/* host:port of the bundled sandbox. */}}
{{- define "prismatic.sandboxAddress" -}}
{{ include "prismatic.fullname" . }}-sandbox.{{ .Release.Namespace }}.svc:{{ include "prismatic.port" (dict "root" . "component" "sandbox" "port" "http") }}
{{- end }}

{{- define "prismatic.serviceAccountName" -}}
{{- $account := .values.serviceAccount | default dict -}}
{{- if $account.name -}}{{ $account.name }}{{- else -}}{{ include "prismatic.componentName" . }}{{- end -}}
{{- end }}

{{/* Seconds of a duration such as 10s, 2m or 500ms, rounded up. */}}
{{- define "prismatic.seconds" -}}
{{- if hasSuffix "ms" . -}}{{ div (add (trimSuffix "ms" . | int) 999) 1000 }}
{{- else if hasSuffix "m" . -}}{{ mul (trimSuffix "m" . | int) 60 }}
{{- else -}}{{ trimSuffix "s" . | int }}{{- end -}}
{{- end }}
