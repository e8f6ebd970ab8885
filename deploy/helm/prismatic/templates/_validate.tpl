{{/* What values.schema.json cannot say. All errors at once, each naming the value and what to do. */}}
{{- define "prismatic.validate" -}}
{{- $errors := concat (include "prismatic.secretErrors" . | fromJsonArray) (include "prismatic.catalogErrors" . | fromJsonArray)
    (include "prismatic.redisErrors" . | fromJsonArray) (include "prismatic.trafficErrors" . | fromJsonArray)
    (include "prismatic.monitoringErrors" . | fromJsonArray) (include "prismatic.memoryErrors" . | fromJsonArray)
    (include "prismatic.nameErrors" . | fromJsonArray) -}}
{{- if $errors -}}
{{- fail (printf "\n\nThese values cannot be installed:\n\n- %s\n" (join "\n- " $errors)) -}}
{{- end -}}
{{- end }}

{{- define "prismatic.secretErrors" -}}
{{- $e := list -}}
{{- $namespace := .Release.Namespace -}}
{{- if not .Values.adminToken.existingSecret -}}
{{- $e = append $e (printf "adminToken.existingSecret is empty. Make a Secret, and name it there:\n    kubectl -n %s create secret generic prismatic-admin --from-literal=%s=\"$(openssl rand -hex 32)\"" $namespace .Values.adminToken.key) -}}
{{- end -}}
{{- $auth := .Values.redis.auth -}}
{{- if and $auth.enabled (not $auth.existingSecret) -}}
{{- $e = append $e (printf "redis.auth.existingSecret is empty. Make a Secret with both passwords, and name it there:\n    kubectl -n %s create secret generic prismatic-redis --from-literal=%s=\"$(openssl rand -hex 32)\" --from-literal=%s=\"$(openssl rand -hex 32)\"" $namespace $auth.billingPasswordKey $auth.registryPasswordKey) -}}
{{- end -}}
{{- if and (regexMatch "(^|[\\s\"'\\[,])file:[A-Za-z0-9]" .Values.catalog.text) (not .Values.providerKeys.existingSecret) -}}
{{- $e = append $e (printf "catalog.text names credentials as files, and providerKeys.existingSecret is empty. Make a Secret with a key for each `file:NAME`, and name it there:\n    kubectl -n %s create secret generic prismatic-providers --from-file=NAME=key.txt" $namespace) -}}
{{- end -}}
{{- $meters := .Values.billing.meters -}}
{{- if and $meters.enabled (not $meters.existingSecret) -}}
{{- $e = append $e (printf "billing.meters.existingSecret is empty. Make a Secret with the certificate, its key and the callers' authorities, and name it there:\n    kubectl -n %s create secret generic prismatic-meters --from-file=tls.crt --from-file=tls.key --from-file=ca.crt" $namespace) -}}
{{- end -}}
{{- toJson $e -}}
{{- end }}

{{- define "prismatic.catalogErrors" -}}
{{- $e := list -}}
{{- $catalog := .Values.catalog -}}
{{- $sources := list -}}
{{- if $catalog.text -}}{{- $sources = append $sources "catalog.text" -}}{{- end -}}
{{- if $catalog.existingConfigMap -}}{{- $sources = append $sources "catalog.existingConfigMap" -}}{{- end -}}
{{- if $catalog.fromCommandLine -}}{{- $sources = append $sources "catalog.fromCommandLine" -}}{{- end -}}
{{- if gt (len $sources) 1 -}}
{{- $e = append $e (printf "the catalog comes from one place only, and %s are given" (join " and " $sources)) -}}
{{- else if and (empty $sources) (not .Values.sandbox.enabled) -}}
{{- $e = append $e "there is no catalog. Give one (--set-file catalog.text=catalog.yaml, or catalog.existingConfigMap), say catalog.fromCommandLine=true to apply one later, or try the suite with sandbox.enabled=true" -}}
{{- end -}}
{{- toJson $e -}}
{{- end }}

{{- define "prismatic.redisErrors" -}}
{{- $e := list -}}
{{- $redis := .Values.redis -}}
{{- if and (eq $redis.mode "bundled") (not $redis.auth.enabled) -}}
{{- $e = append $e "redis.auth.enabled is false: the bundled Redis always asks for passwords" -}}
{{- end -}}
{{- if and (eq $redis.mode "bundled") $redis.tls.enabled -}}
{{- $e = append $e "redis.tls.enabled is of modes external and sentinel: the bundled Redis does not speak TLS" -}}
{{- end -}}
{{- if and (eq $redis.mode "bundled") (gt (int $redis.waitReplicas) 0) -}}
{{- $e = append $e "redis.waitReplicas is of modes external and sentinel: the bundled Redis has no replica, and every lasting write would count as unconfirmed" -}}
{{- end -}}
{{- if and $redis.tls.clientCertificate (not (and $redis.tls.enabled $redis.tls.existingSecret)) -}}
{{- $e = append $e "redis.tls.clientCertificate needs redis.tls.enabled and redis.tls.existingSecret, a Secret with ca.crt, tls.crt and tls.key" -}}
{{- end -}}
{{- if and (eq $redis.mode "external") (not $redis.external.host) -}}
{{- $e = append $e "redis.external.host is empty: where is the Redis of redis.mode external?" -}}
{{- end -}}
{{- if and (eq $redis.mode "sentinel") (or (empty $redis.sentinel.hosts) (not $redis.sentinel.masterName)) -}}
{{- $e = append $e "redis.mode sentinel needs redis.sentinel.hosts and redis.sentinel.masterName" -}}
{{- end -}}
{{- if and (ne $redis.mode "bundled") .Values.networkPolicy.enabled (empty .Values.networkPolicy.redis.to) -}}
{{- $e = append $e "networkPolicy.redis.to is empty: say where your Redis is, as [{ipBlock: {cidr: 10.0.5.0/24}}], or no policy lets billing and the registry reach it" -}}
{{- end -}}
{{- toJson $e -}}
{{- end }}

{{- define "prismatic.trafficErrors" -}}
{{- $e := list -}}
{{- if and .Values.gateway.ingress.enabled (not .Values.gateway.ingress.host) -}}
{{- $e = append $e "gateway.ingress.host is empty: under which name is the API published?" -}}
{{- end -}}
{{- $admin := .Values.gateway.admin -}}
{{- if $admin.ingress.enabled -}}
{{- if not $admin.enabled -}}{{- $e = append $e "gateway.admin.ingress.enabled needs gateway.admin.enabled" -}}{{- end -}}
{{- if not $admin.ingress.host -}}{{- $e = append $e "gateway.admin.ingress.host is empty: under which name is the admin page published?" -}}{{- end -}}
{{- if and $admin.ingress.host (eq $admin.ingress.host .Values.gateway.ingress.host) -}}{{- $e = append $e "gateway.admin.ingress.host is also gateway.ingress.host: give the admin page a name of its own" -}}{{- end -}}
{{- if and .Values.networkPolicy.enabled (empty .Values.networkPolicy.adminIngress.from) -}}{{- $e = append $e "networkPolicy.adminIngress.from is empty: no policy lets the Ingress reach the admin port" -}}{{- end -}}
{{- end -}}
{{- $needed := add (include "prismatic.seconds" .Values.defaults.drainDelay | int) 345 -}}
{{- if lt (int .Values.defaults.terminationGracePeriodSeconds) (int $needed) -}}
{{- $e = append $e (printf "defaults.terminationGracePeriodSeconds is %d: with defaults.drainDelay %s, generations in flight need %d" (int .Values.defaults.terminationGracePeriodSeconds) .Values.defaults.drainDelay (int $needed)) -}}
{{- end -}}
{{- range $name := list "gateway" "registry" "billing" "providerProxy" -}}
{{- $scaling := (index $.Values $name).autoscaling -}}
{{- if and $scaling.enabled (gt (int $scaling.minReplicas) (int $scaling.maxReplicas)) -}}
{{- $e = append $e (printf "%s.autoscaling: minReplicas is %d and maxReplicas %d" $name (int $scaling.minReplicas) (int $scaling.maxReplicas)) -}}
{{- end -}}
{{- end -}}
{{- toJson $e -}}
{{- end }}

{{- define "prismatic.monitoringErrors" -}}
{{- $e := list -}}
{{- $missing := not (.Capabilities.APIVersions.Has "monitoring.coreos.com/v1") -}}
{{- range $value := list "serviceMonitor" "prometheusRule" -}}
{{- if and (index $.Values.metrics $value).enabled $missing -}}
{{- $e = append $e (printf "metrics.%s.enabled: the cluster does not know monitoring.coreos.com/v1. Install the Prometheus operator first, or use metrics.podAnnotations (`helm template` is told by --api-versions monitoring.coreos.com/v1)" $value) -}}
{{- end -}}
{{- end -}}
{{- toJson $e -}}
{{- end }}

{{/* A size in bytes, rounded down: 512MiB, 512mb, or as Kubernetes has them, 2Gi, 1.5G, 2e9; empty for what is none of these. */}}
{{- define "prismatic.bytes" -}}
{{- $units := dict "" 1 "k" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000
    "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776
    "KiB" 1024 "MiB" 1048576 "GiB" 1073741824 "mb" 1048576 "gb" 1073741824 -}}
{{- $number := regexFind "^[0-9]+([.][0-9]+)?(e[+]?[0-9]+)?" . -}}
{{- $unit := trimPrefix $number . -}}
{{- if and $number (hasKey $units $unit) -}}{{ mulf (float64 $number) (index $units $unit) | int64 }}{{- end -}}
{{- end }}

{{/* A limit that is too small is felt under load alone, as a kill by the kernel. docs/how-to/sizing.md measured these. */}}
{{- define "prismatic.memoryErrors" -}}
{{- $e := list -}}
{{- $mebibyte := 1048576 -}}
{{- $needs := dict -}}
{{- range $name := list "gateway" "providerProxy" -}}
{{- $flag := (index $.Values $name).bytesInFlightMax -}}
{{- $_ := set $needs $name (dict "resources" (index $.Values $name).resources "bytes" (add (mul 3 (include "prismatic.bytes" $flag | int64)) (mul 128 $mebibyte))
    "why" (printf "bytesInFlightMax %s needs three times that and 128 MiB" $flag)) -}}
{{- end -}}
{{- if eq .Values.redis.mode "bundled" -}}
{{- $redis := .Values.redis.bundled -}}
{{- $_ := set $needs "redis.bundled" (dict "resources" $redis.resources "bytes" (mul 2 (include "prismatic.bytes" $redis.maxmemory | int64))
    "why" (printf "maxmemory %s needs twice that, since Redis forks to rewrite its file" $redis.maxmemory)) -}}
{{- end -}}
{{- range $name, $need := $needs -}}
{{- $limit := ($need.resources.limits | default dict).memory -}}
{{- $bytes := include "prismatic.bytes" (toString $limit) -}}
{{- if and $limit $bytes (lt (int64 $bytes) (int64 $need.bytes)) -}}
{{- $e = append $e (printf "%s.resources.limits.memory is %v: %s, which is %dMi" $name $limit $need.why (div (add $need.bytes $mebibyte -1) $mebibyte)) -}}
{{- end -}}
{{- end -}}
{{- toJson $e -}}
{{- end }}

{{/* Names of Services begin with a letter and have no dots; names of releases may. */}}
{{- define "prismatic.nameErrors" -}}
{{- $e := list -}}
{{- $name := include "prismatic.fullname" . -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $name) -}}
{{- $e = append $e (printf "%s would be the first part of each object's name, and names of Services begin with a letter and have small letters, digits and hyphens alone: give fullnameOverride, or the release another name" $name) -}}
{{- end -}}
{{- toJson $e -}}
{{- end }}
