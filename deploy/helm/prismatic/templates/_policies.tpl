{{/* The connections that count with these values, as {"rows": [...]}: rows of the table whose both ends are there. */}}
{{- define "prismatic.connections" -}}
{{- $table := .Files.Get "files/connections.yaml" | fromYaml -}}
{{- $policy := .Values.networkPolicy -}}
{{- $external := ne .Values.redis.mode "bundled" -}}
{{- $there := dict
    "gateway" true "registry" true "billing" true "provider-proxy" true
    "redis" (not $external) "sandbox" .Values.sandbox.enabled "tools" .Values.tools.enabled
    "ledger-export" .Values.ledgerExport.enabled "test" .Values.tests.enabled
    "ingress" (not (empty $policy.ingress.from)) "admin-ingress" (not (empty $policy.adminIngress.from))
    "prometheus" (not (empty $policy.prometheus.from)) "billing-clients" (not (empty $policy.billingClients.from))
    "meters" (not (empty $policy.meters.from)) "dns" (not (empty $policy.dns.to))
    "internet" $policy.egress.internet "provider-networks" (not (empty $policy.egress.allow))
    "redis-external" $external "sentinels" (eq .Values.redis.mode "sentinel") -}}
{{- $on := dict "admin" .Values.gateway.admin.enabled "meters" .Values.billing.meters.enabled -}}
{{- $rows := list -}}
{{- range $row := $table.connections -}}
{{- if not (and (hasKey $there $row.from) (hasKey $there $row.to)) -}}
{{- fail (printf "files/connections.yaml: nobody knows an end of %s -> %s" $row.from $row.to) -}}
{{- end -}}
{{- if and (index $there $row.from) (index $there $row.to) (or (not $row.when) (index $on (default "" $row.when))) -}}
{{- $rows = append $rows $row -}}
{{- end -}}
{{- end -}}
{{- dict "rows" $rows | toJson -}}
{{- end }}

{{/* The pods of a component as a peer. */}}
{{- define "prismatic.podPeer" -}}
- podSelector:
    matchLabels:
      {{- include "prismatic.selectorLabels" . | nindent 6 }}
{{- end }}

{{/* One rule of `ingress`. (dict "root" $ "row" ROW) */}}
{{- define "prismatic.ingressRule" -}}
{{- $policy := .root.Values.networkPolicy -}}
{{- $peers := dict "ingress" $policy.ingress.from "admin-ingress" $policy.adminIngress.from "prometheus" $policy.prometheus.from
    "billing-clients" $policy.billingClients.from "meters" $policy.meters.from -}}
- from:
    {{- if hasKey $peers .row.from }}
    {{- toYaml (index $peers .row.from) | nindent 4 }}
    {{- else }}
    {{- include "prismatic.podPeer" (dict "root" .root "component" .row.from) | nindent 4 }}
    {{- end }}
  ports:
    - {protocol: TCP, port: {{ include "prismatic.port" (dict "root" .root "component" .row.to "port" .row.port) }}}
{{- end }}

{{- define "prismatic.tcpPorts" -}}
ports:
  {{- range . }}
  - {protocol: TCP, port: {{ int . }}}
  {{- end }}
{{- end }}

{{/* One rule of `egress`. */}}
{{- define "prismatic.egressRule" -}}
{{- $policy := .root.Values.networkPolicy -}}
{{- if eq .row.to "dns" -}}
- to:
    {{- toYaml $policy.dns.to | nindent 4 }}
  ports:
    {{- range $policy.dns.ports }}
    - {protocol: UDP, port: {{ int . }}}
    - {protocol: TCP, port: {{ int . }}}
    {{- end }}
{{- else if eq .row.to "internet" -}}
- to:
    - ipBlock:
        cidr: 0.0.0.0/0
        {{- with $policy.egress.except }}
        except:
          {{- toYaml . | nindent 10 }}
        {{- end }}
    - ipBlock:
        cidr: ::/0
        {{- with $policy.egress.exceptIPv6 }}
        except:
          {{- toYaml . | nindent 10 }}
        {{- end }}
  {{- include "prismatic.tcpPorts" $policy.egress.ports | nindent 2 }}
{{- else if eq .row.to "provider-networks" -}}
{{ toYaml $policy.egress.allow }}
{{- else if or (eq .row.to "redis-external") (eq .row.to "sentinels") -}}
{{- $port := ternary 26379 (ternary .root.Values.redis.external.port 6379 (eq .root.Values.redis.mode "external")) (eq .row.to "sentinels") -}}
- to:
    {{- toYaml $policy.redis.to | nindent 4 }}
  {{- include "prismatic.tcpPorts" (default (list $port) $policy.redis.ports) | nindent 2 }}
{{- else -}}
- to:
    {{- include "prismatic.podPeer" (dict "root" .root "component" .row.to) | nindent 4 }}
  ports:
    - {protocol: TCP, port: {{ include "prismatic.port" (dict "root" .root "component" .row.to "port" .row.port) }}}
{{- end -}}
{{- end }}
