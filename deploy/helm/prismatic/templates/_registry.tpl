{{/* The ConfigMap with the catalog; empty when the catalog comes from the command line. */}}
{{- define "prismatic.catalogConfigMap" -}}
{{- if .Values.catalog.existingConfigMap -}}
{{ .Values.catalog.existingConfigMap }}
{{- else if not .Values.catalog.fromCommandLine -}}
{{ include "prismatic.fullname" . }}-catalog
{{- end -}}
{{- end }}

{{- define "prismatic.catalogText" -}}
{{- if .Values.catalog.text -}}
{{ .Values.catalog.text }}
{{- else -}}
{{ .Files.Get "files/sandbox-catalog.yaml" | replace "SANDBOX" (include "prismatic.sandboxAddress" .) }}
{{- end -}}
{{- end }}

{{- define "prismatic.registryMounts" -}}
{{ include "prismatic.mount" (dict "name" "admin" "path" "/run/secrets/admin") }}
{{ include "prismatic.redisMounts" . }}
- {name: owner, mountPath: /run/prismatic}
{{ if include "prismatic.catalogConfigMap" . -}}
{{ include "prismatic.mount" (dict "name" "catalog" "path" "/etc/prismatic/catalog") }}
{{- end }}
{{- end }}

{{- define "prismatic.registryVolumes" -}}
{{ include "prismatic.adminVolume" . }}
{{ include "prismatic.redisVolumes" (dict "root" . "passwordKey" .Values.redis.auth.registryPasswordKey) }}
# The first owner's random password, kept out of the log.
- name: owner
  emptyDir: {medium: Memory, sizeLimit: 1Mi}
{{ with include "prismatic.catalogConfigMap" . -}}
- name: catalog
  configMap:
    name: {{ . | quote }}
    items:
      - {key: {{ $.Values.catalog.key | quote }}, path: catalog.yaml}
{{- end }}
{{- end }}
