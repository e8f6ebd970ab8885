{{/* What the pods with the command line share: the ledger's export, `helm test`, the toolbox. */}}

{{/* Where the services are, and the token. */}}
{{- define "prismatic.cliEnv" -}}
{{- $name := include "prismatic.fullname" . -}}
{{- $suffix := printf "%s.svc" .Release.Namespace -}}
- {name: PRISMATIC_BASE_URL, value: "http://{{ $name }}-gateway.{{ $suffix }}:{{ .Values.gateway.service.port }}/v1"}
- {name: PRISMATIC_BILLING_ADDR, value: "{{ $name }}-billing.{{ $suffix }}:{{ include "prismatic.port" (dict "root" . "component" "billing" "port" "grpc") }}"}
- {name: PRISMATIC_BILLING_ADMIN_ADDR, value: "{{ $name }}-billing-admin.{{ $suffix }}:{{ include "prismatic.port" (dict "root" . "component" "billing" "port" "admin") }}"}
- {name: PRISMATIC_REGISTRY_ADDR, value: "{{ $name }}-registry.{{ $suffix }}:{{ include "prismatic.port" (dict "root" . "component" "registry" "port" "grpc") }}"}
- {name: PRISMATIC_REGISTRY_ADMIN_ADDR, value: "{{ $name }}-registry-admin.{{ $suffix }}:{{ include "prismatic.port" (dict "root" . "component" "registry" "port" "admin") }}"}
- {name: PRISMATIC_PROVIDER_ADDR, value: "{{ $name }}-provider-proxy.{{ $suffix }}:{{ include "prismatic.port" (dict "root" . "component" "provider-proxy" "port" "grpc") }}"}
- {name: PRISMATIC_ADMIN_TOKEN_FILE, value: /run/secrets/admin/token}
{{- end }}

{{- define "prismatic.toolsImage" -}}
{{ include "prismatic.image" (dict "root" . "image" .Values.tools.image) }}
{{- end }}

{{- define "prismatic.adminVolume" -}}
{{ include "prismatic.secretVolume" (dict "name" "admin" "secret" .Values.adminToken.existingSecret "items" (dict "token" .Values.adminToken.key)) }}
{{- end }}
