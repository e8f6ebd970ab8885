{{/* What the pods of all components share. */}}

{{/* Labels and annotations of a pod. Nothing that changes with the chart's version: Redis must not restart for that.
     (dict "root" $ "component" C "values" V ["annotations" A] ["metricsPort" P]) */}}
{{- define "prismatic.podMetadata" -}}
labels:
  {{- mergeOverwrite (deepCopy .root.Values.commonLabels) (deepCopy .root.Values.defaults.podLabels) (.values.podLabels | default dict)
      (dict "app.kubernetes.io/part-of" "prismatic") (include "prismatic.selectorLabels" . | fromYaml) | toYaml | nindent 2 }}
{{- $annotations := mergeOverwrite (dict "kubectl.kubernetes.io/default-container" .component) (deepCopy .root.Values.commonAnnotations)
    (deepCopy .root.Values.defaults.podAnnotations) (.values.podAnnotations | default dict) (.annotations | default dict) }}
{{- if and .root.Values.metrics.podAnnotations .metricsPort }}
{{- $annotations = mergeOverwrite (dict "prometheus.io/scrape" "true" "prometheus.io/path" "/metrics" "prometheus.io/port" .metricsPort) $annotations }}
{{- end }}
annotations:
  {{- toYaml $annotations | nindent 2 }}
{{- end }}

{{/* The fields of a pod's spec beside its containers and volumes. */}}
{{- define "prismatic.podSpec" -}}
{{- $defaults := .root.Values.defaults -}}
serviceAccountName: {{ include "prismatic.serviceAccountName" . | quote }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  {{- toYaml $defaults.podSecurityContext | nindent 2 }}
{{- with $defaults.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with default $defaults.nodeSelector .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with default $defaults.tolerations .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with default $defaults.affinity .values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with default $defaults.priorityClassName .values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- end }}

{{/* Spread over zones and nodes; each revision by itself, or a rolling update would be spread with what it replaces. */}}
{{- define "prismatic.topologySpread" -}}
{{- $constraints := .root.Values.defaults.topologySpreadConstraints -}}
{{- if not (kindIs "invalid" .values.topologySpreadConstraints) -}}
{{- $constraints = .values.topologySpreadConstraints -}}
{{- end -}}
{{- $selector := dict "matchLabels" (include "prismatic.selectorLabels" . | fromYaml) -}}
{{- $filled := list -}}
{{- range $constraints -}}
{{- $filled = append $filled (mergeOverwrite (dict "labelSelector" $selector "matchLabelKeys" (list "pod-template-hash")) (deepCopy .)) -}}
{{- end -}}
{{- with $filled -}}
topologySpreadConstraints:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* A container's image and security context. */}}
{{- define "prismatic.containerBase" -}}
image: {{ .image | quote }}
imagePullPolicy: {{ .root.Values.defaults.imagePullPolicy }}
securityContext:
  {{- toYaml .root.Values.defaults.securityContext | nindent 2 }}
{{- end }}

{{/* The three probes. Startup and liveness ask whether the process answers; readiness whether it has what it needs.
     (dict "root" $ "startup" ACTION "readiness" ACTION) where an action is httpGet, grpc or exec. */}}
{{- define "prismatic.probes" -}}
{{- $times := .root.Values.defaults.probes -}}
startupProbe:
  {{- mergeOverwrite (deepCopy $times.startup) .alive (.startupTimes | default dict) | toYaml | nindent 2 }}
livenessProbe:
  {{- mergeOverwrite (deepCopy $times.liveness) .alive | toYaml | nindent 2 }}
readinessProbe:
  {{- mergeOverwrite (deepCopy $times.readiness) .ready | toYaml | nindent 2 }}
{{- end }}

{{/* The probes of a gRPC server. */}}
{{- define "prismatic.grpcProbes" -}}
{{- $port := include "prismatic.port" . | int -}}
{{- include "prismatic.probes" (dict "root" .root
    "alive" (dict "grpc" (dict "port" $port "service" "liveness"))
    "ready" (dict "grpc" (dict "port" $port "service" "readiness"))) -}}
{{- end }}

{{/* The probes of an HTTP server. */}}
{{- define "prismatic.httpProbes" -}}
{{- include "prismatic.probes" (dict "root" .root
    "alive" (dict "httpGet" (dict "path" "/healthz" "port" .port))
    "ready" (dict "httpGet" (dict "path" .readyPath "port" .port))) -}}
{{- end }}

{{/* A Secret as a volume: the keys named by `items` (file -> key: one key may be several files), or all of them. */}}
{{- define "prismatic.secretVolume" -}}
- name: {{ .name }}
  secret:
    secretName: {{ .secret | quote }}
    defaultMode: 0440
    {{- with .items }}
    items:
      {{- range $file, $key := . }}
      - {key: {{ $key | quote }}, path: {{ $file | quote }}}
      {{- end }}
    {{- end }}
{{- end }}

{{- define "prismatic.mount" -}}
- {name: {{ .name }}, mountPath: {{ .path }}, readOnly: true}
{{- end }}
