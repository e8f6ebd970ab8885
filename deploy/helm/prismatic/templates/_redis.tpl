{{/* Redis as billing and the registry see it. */}}

{{/* The value of --redis. (dict "root" $ "user" U) */}}
{{- define "prismatic.redisUrl" -}}
{{- $redis := .root.Values.redis -}}
{{- $options := list -}}
{{- if $redis.auth.enabled -}}{{- $options = append $options "password_file=/run/secrets/redis/password" -}}{{- end -}}
{{- if gt (int $redis.waitReplicas) 0 -}}{{- $options = append $options (printf "wait=%d" (int $redis.waitReplicas)) -}}{{- end -}}
{{- if and $redis.tls.enabled $redis.tls.existingSecret -}}
{{- $options = append $options "ca_file=/run/secrets/redis-tls/ca.crt" -}}
{{- if $redis.tls.clientCertificate -}}
{{- $options = concat $options (list "cert_file=/run/secrets/redis-tls/tls.crt" "key_file=/run/secrets/redis-tls/tls.key") -}}
{{- end -}}
{{- end -}}
{{- if and (eq $redis.mode "sentinel") $redis.sentinel.user -}}{{- $options = append $options (printf "sentinel_user=%s" (urlquery $redis.sentinel.user)) -}}{{- end -}}
{{- if and (eq $redis.mode "sentinel") $redis.sentinel.passwordKey -}}{{- $options = append $options "sentinel_password_file=/run/secrets/redis/sentinel-password" -}}{{- end -}}
{{- $user := ternary (printf "%s@" .user) "" $redis.auth.enabled -}}
{{- $scheme := ternary "rediss" "redis" $redis.tls.enabled -}}
{{- $query := ternary "" (printf "?%s" (join "&" $options)) (empty $options) -}}
{{- if eq $redis.mode "sentinel" -}}
{{ $scheme }}+sentinel://{{ $user }}{{ join "," $redis.sentinel.hosts }}/{{ $redis.sentinel.masterName }}{{ $query }}
{{- else if eq $redis.mode "external" -}}
{{ $scheme }}://{{ $user }}{{ $redis.external.host }}:{{ $redis.external.port }}{{ $query }}
{{- else -}}
redis://{{ $user }}{{ include "prismatic.fullname" .root }}-redis.{{ .root.Release.Namespace }}.svc:{{ include "prismatic.port" (dict "root" .root "component" "redis" "port" "redis") }}{{ $query }}
{{- end -}}
{{- end }}

{{/* Each service mounts its own password alone. (dict "root" $ "passwordKey" K) */}}
{{- define "prismatic.redisVolumes" -}}
{{- $redis := .root.Values.redis -}}
{{- if $redis.auth.enabled -}}
{{- $items := dict "password" .passwordKey -}}
{{- if and (eq $redis.mode "sentinel") $redis.sentinel.passwordKey -}}{{- $_ := set $items "sentinel-password" $redis.sentinel.passwordKey -}}{{- end -}}
{{ include "prismatic.secretVolume" (dict "name" "redis" "secret" $redis.auth.existingSecret "items" $items) }}
{{ end -}}
{{- if and $redis.tls.enabled $redis.tls.existingSecret -}}
{{- $items := dict "ca.crt" "ca.crt" -}}
{{- if $redis.tls.clientCertificate -}}{{- $items = dict "ca.crt" "ca.crt" "tls.crt" "tls.crt" "tls.key" "tls.key" -}}{{- end -}}
{{ include "prismatic.secretVolume" (dict "name" "redis-tls" "secret" $redis.tls.existingSecret "items" $items) }}
{{ end -}}
{{- end }}

{{- define "prismatic.redisMounts" -}}
{{- if .Values.redis.auth.enabled -}}
{{ include "prismatic.mount" (dict "name" "redis" "path" "/run/secrets/redis") }}
{{ end -}}
{{- if and .Values.redis.tls.enabled .Values.redis.tls.existingSecret -}}
{{ include "prismatic.mount" (dict "name" "redis-tls" "path" "/run/secrets/redis-tls") }}
{{ end -}}
{{- end }}
