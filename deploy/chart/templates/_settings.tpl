{{/* What `timezone` a source gets: the node's file where it is mounted, the zone that logs.timezone names, or none. */}}
{{- define "tocsin.zone" -}}
{{- if hasPrefix "/" .Values.logs.timezone }}/host_localtime{{ else }}{{ .Values.logs.timezone }}{{ end }}
{{- end }}

{{/* The settings file: the operator's, with the paths that the pod's mounts give. */}}
{{- define "tocsin.settings" -}}
{{- $settings := deepCopy (.Values.settings | default dict) }}
{{- $_ := set $settings "state" "/var/lib/tocsin" }}
{{- $log := $settings.log | default dict }}
{{- if .Values.monitorLog.hostPath }}
{{- $_ := set $settings "log" (set $log "file" "/host_logs/mon_logs/tftp_monitor.log") }}
{{- else if $log.file }}
{{- fail "settings.log.file: monitorLog.hostPath must name the node's folder for it, such as /var/log/mon_logs" }}
{{- end }}
{{- if not $settings.sources }}
{{- $_ := set $settings "sources" (list (dict "file" (dict "path" "/host_logs/syslog"))) }}
{{- end }}
{{- $zone := include "tocsin.zone" . }}
{{- range $settings.sources }}
{{- $file := .file | default dict }}
{{- if or (not $file.timezone) (eq $file.timezone "/etc/localtime") }}
{{- if $zone }}{{ $_ := set $file "timezone" $zone }}{{ else }}{{ $_ := unset $file "timezone" }}{{ end }}
{{- end }}
{{- end }}
{{- $text := toYaml $settings }}
{{- if and (regexMatch "_file: /secrets/" $text) (not (include "tocsin.secret" .)) (not (regexMatch "\"/secrets[/\"]" (toJson .Values.extraVolumeMounts))) }}
{{- fail "settings name a file in /secrets: say in existingSecret which Secret holds it" }}
{{- end }}
{{- $text }}
{{- end }}

{{/* The ports of the mail servers in the settings and the variables, one a line. */}}
{{- define "tocsin.mailPorts" -}}
{{- $ports := .Values.networkPolicy.mailPorts }}
{{- range (.Values.settings | default dict).receivers }}
{{- with .email }}
{{- range (kindIs "slice" .server | ternary .server (list .server)) }}
{{- if or (hasPrefix "[" .) (eq (len (splitList ":" .)) 2) }}
{{- with regexFind ":[0-9]+$" . }}{{ $ports = append $ports (trimPrefix ":" . | atoi) }}{{ end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- range .Values.extraEnv }}
{{- if eq (toString .name) "REMOTE_SMTP_PORT" }}{{ $ports = append $ports (toString .value | atoi) }}{{ end }}
{{- end }}
{{- range $ports | uniq }}
{{ . }}
{{- end }}
{{- end }}
