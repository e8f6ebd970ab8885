{{/* The Deployment of one of the four services, and what goes with it. A component's file gives
     (dict "root" $ "component" C "values" V "args" LIST "ports" LIST "probes" TEXT "mounts" TEXT "volumes" TEXT "annotations" DICT). */}}

{{- define "prismatic.deployment" -}}
{{- $root := .root -}}
{{- $values := .values -}}
{{- $defaults := $root.Values.defaults -}}
{{- $metrics := include "prismatic.port" (dict "root" $root "component" .component "port" "metrics") -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "prismatic.metadata" (dict "root" $root "component" .component "name" (include "prismatic.componentName" .)) | nindent 2 }}
spec:
  {{- if not $values.autoscaling.enabled }}
  replicas: {{ $values.replicaCount }}
  {{- else }}
  {{- /* The autoscaler's, as it is now: a field that is taken away becomes 1. */}}
  {{- with lookup "apps/v1" "Deployment" $root.Release.Namespace (include "prismatic.componentName" .) }}
  replicas: {{ .spec.replicas }}
  {{- end }}
  {{- end }}
  revisionHistoryLimit: {{ $defaults.revisionHistoryLimit }}
  minReadySeconds: {{ $defaults.minReadySeconds }}
  strategy:
    type: RollingUpdate
    rollingUpdate: {maxUnavailable: 0, maxSurge: 1}
  selector:
    matchLabels:
      {{- include "prismatic.selectorLabels" . | nindent 6 }}
  template:
    metadata:
      {{- include "prismatic.podMetadata" (mergeOverwrite (dict "metricsPort" $metrics) .) | nindent 6 }}
    spec:
      {{- include "prismatic.podSpec" . | nindent 6 }}
      {{- with include "prismatic.topologySpread" . }}{{ . | nindent 6 }}{{ end }}
      terminationGracePeriodSeconds: {{ $defaults.terminationGracePeriodSeconds }}
      containers:
        - name: {{ .component }}
          {{- include "prismatic.containerBase" (dict "root" $root "image" (include "prismatic.image" (dict "root" $root "image" $values.image))) | nindent 10 }}
          args:
            {{- range concat .args $values.extraArgs }}
            - {{ . | quote }}
            {{- end }}
          {{- with $values.extraEnv }}
          env:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          ports:
            {{- range .ports }}
            - {name: {{ . }}, containerPort: {{ include "prismatic.port" (dict "root" $root "component" $.component "port" .) }}}
            {{- end }}
          {{- .probes | nindent 10 }}
          resources:
            {{- toYaml $values.resources | nindent 12 }}
          {{- if or .mounts $values.extraVolumeMounts }}
          volumeMounts:
            {{- with .mounts }}{{ . | trim | nindent 12 }}{{ end }}
            {{- with $values.extraVolumeMounts }}{{ toYaml . | nindent 12 }}{{ end }}
          {{- end }}
      {{- if or .volumes $values.extraVolumes }}
      volumes:
        {{- with .volumes }}{{ . | trim | nindent 8 }}{{ end }}
        {{- with $values.extraVolumes }}{{ toYaml . | nindent 8 }}{{ end }}
      {{- end }}
{{- include "prismatic.autoscaling" . }}
{{- include "prismatic.disruptionBudget" . }}
{{- end }}

{{- define "prismatic.autoscaling" -}}
{{- if .values.autoscaling.enabled }}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  {{- include "prismatic.metadata" (dict "root" .root "component" .component "name" (include "prismatic.componentName" .)) | nindent 2 }}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: {{ include "prismatic.componentName" . }}}
  minReplicas: {{ .values.autoscaling.minReplicas }}
  maxReplicas: {{ .values.autoscaling.maxReplicas }}
  metrics:
    - type: Resource
      resource: {name: cpu, target: {type: Utilization, averageUtilization: {{ .values.autoscaling.targetCPUUtilizationPercentage }}}}
  behavior:
    scaleDown: {stabilizationWindowSeconds: 300}
{{- end }}
{{- end }}

{{/* Only where there can be more than one: a budget of a single pod would stop the draining of its node. */}}
{{- define "prismatic.disruptionBudget" -}}
{{- $several := gt (int .values.replicaCount) 1 -}}
{{- if .values.autoscaling.enabled -}}{{- $several = gt (int .values.autoscaling.minReplicas) 1 -}}{{- end -}}
{{- if and .values.podDisruptionBudget.enabled $several }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "prismatic.metadata" (dict "root" .root "component" .component "name" (include "prismatic.componentName" .)) | nindent 2 }}
spec:
  maxUnavailable: {{ .values.podDisruptionBudget.maxUnavailable }}
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "prismatic.selectorLabels" . | nindent 6 }}
{{- end }}
{{- end }}

{{/* The Services of a gRPC server: an ordinary one for a mesh, and a headless one from which our clients take every replica.
     The headless ones list replicas that are not ready too: clients ask for health themselves, and a billing that waits for
     Redis must be "not serving" to them, not an unknown name. (dict "root" $ "component" C "values" V "admin" bool) */}}
{{- define "prismatic.grpcServices" -}}
{{- include "prismatic.grpcService" (mergeOverwrite (dict "suffix" "" "port" "grpc" "headless" false) .) }}
{{ include "prismatic.grpcService" (mergeOverwrite (dict "suffix" "-headless" "port" "grpc" "headless" true) .) }}
{{- if .admin }}
{{ include "prismatic.grpcService" (mergeOverwrite (dict "suffix" "-admin" "port" "admin" "headless" true) .) }}
{{- end }}
{{- end }}

{{- define "prismatic.grpcService" -}}
---
apiVersion: v1
kind: Service
metadata:
  {{- include "prismatic.metadata" (dict "root" .root "component" .component "name" (printf "%s%s" (include "prismatic.componentName" .) .suffix) "annotations" .values.serviceAnnotations) | nindent 2 }}
spec:
  type: ClusterIP
  {{- if .headless }}
  clusterIP: None
  publishNotReadyAddresses: true
  {{- end }}
  selector:
    {{- include "prismatic.selectorLabels" . | nindent 4 }}
  ports:
    - {name: {{ .port }}, port: {{ include "prismatic.port" . }}, targetPort: {{ .port }}, appProtocol: grpc}
    {{- if .meters }}
    - {name: meters, port: {{ include "prismatic.port" (mergeOverwrite (deepCopy (omit . "root")) (dict "root" .root "port" "meters")) }}, targetPort: meters, appProtocol: grpc}
    {{- end }}
{{- end }}
