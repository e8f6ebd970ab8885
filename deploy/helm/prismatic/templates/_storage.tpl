{{/* A claim that outlives the release: uninstalling throws no money away, and a new install of the same name takes it up again.
     It is an object of its own and no volumeClaimTemplate, so that its size can be raised by an upgrade. */}}
{{- define "prismatic.claim" -}}
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  {{- include "prismatic.metadata" (mergeOverwrite (dict "annotations" (merge (dict "helm.sh/resource-policy" "keep") (.persistence.annotations | default dict))) (omit . "annotations")) | nindent 2 }}
spec:
  accessModes: [ReadWriteOnce]
  {{- if not (kindIs "invalid" .persistence.storageClassName) }}
  storageClassName: {{ .persistence.storageClassName | quote }}
  {{- end }}
  resources: {requests: {storage: {{ .persistence.size }}}}
{{- end }}
