{{/* The spec of every pod: `root` the chart's scope, `args` what tocsin is told, `restart` the policy, `node` its node's name or nothing. */}}
{{- define "tocsin.pod" -}}
{{- $ := .root }}
{{- $user := ternary 65532 0 (eq $.Values.profile "nonroot") }}
{{- $security := dict "runAsNonRoot" (eq $.Values.profile "nonroot") "runAsUser" $user "runAsGroup" $user "supplementalGroups" $.Values.supplementalGroups "seccompProfile" (dict "type" "RuntimeDefault") }}
{{- $security = mergeOverwrite $security (deepCopy ($.Values.podSecurityContext | default dict)) }}
{{- $folders := list "/var/lib/tocsin" }}
{{- if $.Values.monitorLog.hostPath }}{{ $folders = append $folders "/host_logs/mon_logs" }}{{ end -}}
restartPolicy: {{ .restart }}
serviceAccountName: {{ include "tocsin.account" $ | quote }}
automountServiceAccountToken: {{ $.Values.serviceAccount.automount }}
enableServiceLinks: false
terminationGracePeriodSeconds: 60
{{- with $.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $.Values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
securityContext:
  {{- toYaml $security | nindent 2 }}
{{- with $.Values.dnsConfig }}
dnsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $.Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $.Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- $affinity := deepCopy ($.Values.affinity | default dict) }}
{{- if .node }}
{{- $term := dict "matchFields" (list (dict "key" "metadata.name" "operator" "In" "values" (list .node))) }}
{{- $_ := set $affinity "nodeAffinity" (dict "requiredDuringSchedulingIgnoredDuringExecution" (dict "nodeSelectorTerms" (list $term))) }}
{{- end }}
{{- with $affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
initContainers:
  - name: hand-over
    image: {{ include "tocsin.image" $ | quote }}
    imagePullPolicy: {{ $.Values.image.pullPolicy }}
    # the folder itself, nothing in it; what cannot be handed over (9p), tocsin will say
    command:
      - python3
      - -I
      - -c
      - |
        import os, sys
        for folder in sys.argv[3:]:
            try:
                os.chown(folder, int(sys.argv[1]), int(sys.argv[2]))
            except OSError as error:
                print(f"{folder}: cannot be handed over: {error.strerror}", file=sys.stderr)
      - {{ $security.runAsUser | int64 | quote }}
      - {{ $security.runAsGroup | int64 | quote }}
      {{- range $folders }}
      - {{ . }}
      {{- end }}
    securityContext:
      runAsUser: 0
      runAsGroup: 0
      runAsNonRoot: false
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities:
        drop: [ALL]
        add: [CHOWN]
    resources:
      {{- toYaml $.Values.resources | nindent 6 }}
    volumeMounts:
      - name: state
        mountPath: /var/lib/tocsin
      {{- if $.Values.monitorLog.hostPath }}
      - name: monitor-log
        mountPath: /host_logs/mon_logs
      {{- end }}
containers:
  - name: tocsin
    image: {{ include "tocsin.image" $ | quote }}
    imagePullPolicy: {{ $.Values.image.pullPolicy }}
    {{- if eq $.Values.delivery "configmap" }}
    command: [python3, -I, /mon_scripts/tocsin.pyz]
    {{- end }}
    args: {{ toJson .args }}
    env:
      - name: TOCSIN_CONFIG
        value: /etc/tocsin/tocsin.yaml
      - name: NODE_NAME
        valueFrom: {fieldRef: {fieldPath: spec.nodeName}}
      - name: NODE_IP
        valueFrom: {fieldRef: {fieldPath: status.hostIP}}
      {{- with $.Values.extraEnv }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    securityContext:
      {{- toYaml (mergeOverwrite (dict "allowPrivilegeEscalation" false "readOnlyRootFilesystem" true "capabilities" (dict "drop" (list "ALL"))) (deepCopy ($.Values.securityContext | default dict))) | nindent 6 }}
    resources:
      {{- toYaml $.Values.resources | nindent 6 }}
    volumeMounts:
      - name: host-logs
        mountPath: /host_logs
        readOnly: true
        {{- if semverCompare ">=1.30-0" $.Capabilities.KubeVersion.Version }}
        recursiveReadOnly: IfPossible
        {{- end }}
      {{- if $.Values.monitorLog.hostPath }}
      - name: monitor-log
        mountPath: /host_logs/mon_logs
      {{- end }}
      - name: state
        mountPath: /var/lib/tocsin
      - name: settings
        mountPath: /etc/tocsin
        readOnly: true
      {{- if include "tocsin.secret" $ }}
      - name: secrets
        mountPath: /secrets
        readOnly: true
      {{- end }}
      {{- if hasPrefix "/" $.Values.logs.timezone }}
      # not at /etc/localtime: there it is often a link into the zones, and the mount would take the place of one of them
      - name: localtime
        mountPath: /host_localtime
        readOnly: true
      {{- end }}
      {{- if eq $.Values.delivery "configmap" }}
      - name: code
        mountPath: /mon_scripts
        readOnly: true
      {{- end }}
      - name: tmp
        mountPath: /tmp
      {{- with $.Values.extraVolumeMounts }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
volumes:
  - name: host-logs
    hostPath:
      path: {{ $.Values.logs.hostPath | quote }}
      type: Directory
  {{- with $.Values.monitorLog.hostPath }}
  {{- $inside := printf "%s/mon_logs" (trimSuffix "/" $.Values.logs.hostPath) }}
  - name: monitor-log
    hostPath:
      path: {{ include "tocsin.own" (dict "value" "monitorLog.hostPath" "path" . "such" $inside) | quote }}
  {{- if ne (trimSuffix "/" .) $inside }}
  {{- fail (printf "monitorLog.hostPath: %s cannot be mounted inside %s, so name %s" . $.Values.logs.hostPath $inside) }}
  {{- end }}
      type: DirectoryOrCreate
  {{- end }}
  - name: state
    hostPath:
      path: {{ include "tocsin.own" (dict "value" "state.hostPath" "path" $.Values.state.hostPath "such" "/var/lib/tocsin") | quote }}
      type: DirectoryOrCreate
  - name: settings
    configMap:
      name: {{ include "tocsin.name" $ }}-settings
  {{- with include "tocsin.secret" $ }}
  - name: secrets
    secret:
      secretName: {{ . | quote }}
  {{- end }}
  {{- if hasPrefix "/" $.Values.logs.timezone }}
  - name: localtime
    hostPath:
      path: {{ $.Values.logs.timezone | quote }}
      type: File
  {{- end }}
  {{- if eq $.Values.delivery "configmap" }}
  - name: code
    configMap:
      name: {{ include "tocsin.codeMap" $ | quote }}
  {{- end }}
  - name: tmp
    emptyDir:
      medium: Memory
      sizeLimit: 16Mi
  {{- with $.Values.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
