{{- define "ibgu.labels" -}}
app.kubernetes.io/name: ibgu
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- /* Of one component: [root, component]. */ -}}
{{- define "ibgu.selector" -}}
app.kubernetes.io/name: ibgu
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "ibgu.image" -}}
{{- $name := required "image.repository is not set: where have you pushed the image that the Dockerfile builds?" .Values.image.repository -}}
{{- if .Values.image.digest }}{{ $name }}@{{ .Values.image.digest }}
{{- else }}{{ $name }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
{{- end }}

{{- define "ibgu.databaseSecret" -}}
{{- if .Values.bundledPostgres.enabled -}}
ibgu-postgres
{{- else -}}
{{ required "the journal needs a Postgres: set database.existingSecret to a Secret with its URL, or, to try ibgu out, bundledPostgres.enabled=true" .Values.database.existingSecret }}
{{- end }}
{{- end }}

{{- /* Of the root and a component: the API's user may be one that only reads. */ -}}
{{- define "ibgu.databaseUrl" -}}
{{- $root := index . 0 -}}
{{- $own := ternary $root.Values.database.apiKey "" (eq (index . 1) "api") -}}
- name: DATABASE_URL
  valueFrom:
    secretKeyRef:
      name: {{ include "ibgu.databaseSecret" $root }}
      key: {{ ternary "url" ($own | default $root.Values.database.key) $root.Values.bundledPostgres.enabled }}
{{- /* The URL of the bundled one names them. */ -}}
{{- if and $root.Values.database.caKey (not $root.Values.bundledPostgres.enabled) }}
- name: PGSSLROOTCERT
  value: /etc/ibgu-postgres/ca.crt
{{- end }}
{{- end }}

{{- /* The Secret's key with the certificates to trust the database by. */ -}}
{{- define "ibgu.databaseCaKey" -}}
{{- if .Values.bundledPostgres.enabled }}ca.crt{{ else }}{{ .Values.database.caKey | default "" }}{{ end -}}
{{- end }}

{{- define "ibgu.databaseMount" -}}
{{- if include "ibgu.databaseCaKey" . -}}
- name: postgres-ca
  mountPath: /etc/ibgu-postgres
  readOnly: true
{{- end }}
{{- end }}

{{- define "ibgu.databaseVolume" -}}
{{- with include "ibgu.databaseCaKey" . -}}
- name: postgres-ca
  secret:
    secretName: {{ ternary ($.Values.bundledPostgres.tlsSecret | default "ibgu-postgres") $.Values.database.existingSecret $.Values.bundledPostgres.enabled }}
    items: [{key: {{ . }}, path: ca.crt}]
{{- end }}
{{- end }}

{{- /* Component -> [what `ibgu` runs, its values, its account]; also those that are not there. */ -}}
{{- define "ibgu.components" -}}
{{- if eq .Values.topology "combined" -}}
ibgu: {command: run, values: controller, account: {{ .Values.serviceAccount.name }}}
{{- else -}}
controller: {command: controller, values: controller, account: {{ .Values.serviceAccount.name }}}
api: {command: api, values: api, account: {{ .Values.api.serviceAccount.name }}}
{{- end }}
{{- end }}

{{- /* The component that answers REST and shows the page. */ -}}
{{- define "ibgu.front" -}}
{{ ternary "ibgu" "api" (eq .Values.topology "combined") }}
{{- end }}

{{- /* Those of payloadNamespaces that are on the hub, as JSON. Without a hub to ask, all of them. */ -}}
{{- define "ibgu.payloadNamespaces" -}}
{{- $found := list -}}
{{- $blind := not (lookup "v1" "Namespace" "" "default") -}}
{{- range .Values.payloadNamespaces -}}
{{- /* The release's own is created by `helm install --create-namespace` after this. */ -}}
{{- if or $blind (eq . $.Release.Namespace) (lookup "v1" "Namespace" "" .) }}{{ $found = append $found . }}{{ end -}}
{{- end -}}
{{- $found | toJson -}}
{{- end }}

{{- /* Whether preflight compares the hub's own releases, for which ibgu gets the right. */ -}}
{{- define "ibgu.preflightHubReleases" -}}
{{- if .Values.preflightHubReleases.enabled }}true{{ end -}}
{{- end }}

{{- define "ibgu.signsIn" -}}
{{- if .Values.oauthProxy.enabled }}true{{ end -}}
{{- end }}

{{- define "ibgu.oauthClient" -}}
{{ .Values.oauthProxy.clientId | default (printf "ibgu-%s" .Release.Namespace) }}
{{- end }}

{{- /* The sidecar: signs people in, and lets everybody through who has a token of the hub. */ -}}
{{- define "ibgu.oauthProxy" -}}
{{- with .Values.oauthProxy -}}
- name: oauth-proxy
  image: {{ required "oauthProxy.image is not set: `oc adm release info --image-for=oauth-proxy` prints the one of your hub" .image }}
  imagePullPolicy: IfNotPresent
  args:
    - --provider=openshift
    - --https-address=:8443
    - --http-address=
    - --upstream=http://127.0.0.1:8080
    - --tls-cert=/etc/oauth-proxy/tls/tls.crt
    - --tls-key=/etc/oauth-proxy/tls/tls.key
    - --client-id={{ include "ibgu.oauthClient" $ }}
    - --client-secret-file=/etc/oauth-proxy/secret/client-secret
    - --cookie-secret-file=/etc/oauth-proxy/secret/cookie-secret
    - --cookie-samesite=lax
    # The hub's tokens last for 24 hours.
    - --cookie-expire=23h
    - --scope=user:full
    - --skip-provider-button
    - --pass-access-token
    - --pass-basic-auth=false
    # Clients that bring a token of their own: of anyone whom the hub knows; ibgu asks the rest.
    - --pass-user-bearer-token
    - '--openshift-delegate-urls={"/api/": {"group": "authorization.k8s.io", "resource": "selfsubjectaccessreviews", "verb": "create"}}'
    {{- range .extraArgs }}
    - {{ . | quote }}
    {{- end }}
  ports:
    - name: https
      containerPort: 8443
  livenessProbe:
    httpGet: {path: /oauth/healthz, port: https, scheme: HTTPS}
    initialDelaySeconds: 10
    periodSeconds: 10
    timeoutSeconds: 5
    failureThreshold: 6
  readinessProbe:
    httpGet: {path: /oauth/healthz, port: https, scheme: HTTPS}
    periodSeconds: 5
    timeoutSeconds: 5
  {{- with .resources }}
  resources:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- include "ibgu.containerSecurity" $ | nindent 4 }}
  volumeMounts:
    - {name: oauth-proxy-tls, mountPath: /etc/oauth-proxy/tls, readOnly: true}
    - {name: oauth-proxy, mountPath: /etc/oauth-proxy/secret, readOnly: true}
{{- end }}
{{- end }}

{{- /* Pods may run where only "restricted" ones may. */ -}}
{{- define "ibgu.podSecurity" -}}
runAsNonRoot: true
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "ibgu.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "ibgu.operator" -}}
{{- if eq (index . 1) "auto" -}}
{{- if (index . 0).Capabilities.APIVersions.Has "monitoring.coreos.com/v1" }}true{{ end -}}
{{- else if eq (index . 1) "always" -}}
true
{{- end }}
{{- end }}

{{- define "ibgu.servesAdmissionPolicies" -}}
{{- if semverCompare ">=1.30.0-0" .Capabilities.KubeVersion.Version }}true{{ end -}}
{{- end }}

{{- /* Kubernetes 1.30 and newer serve ValidatingAdmissionPolicies. Takes [root, auto | always | never]. */ -}}
{{- define "ibgu.admissionPolicy" -}}
{{- $asked := index . 1 -}}
{{- $served := include "ibgu.servesAdmissionPolicies" (index . 0) -}}
{{- if or (eq $asked "always") (and (eq $asked "auto") $served) }}true{{ end -}}
{{- end }}

{{- /* The rights of an IBGU's author are checked. */ -}}
{{- define "ibgu.payloadPolicy" -}}
{{- include "ibgu.admissionPolicy" (list . .Values.payloadPolicy.enabled) -}}
{{- end }}

{{- /* Nobody but an ibgu holds the Lease that an ibgu leads by. */ -}}
{{- define "ibgu.leasePolicy" -}}
{{- include "ibgu.admissionPolicy" (list . .Values.leasePolicy.enabled) -}}
{{- end }}

{{- /* Nobody names another one as who approves, breaks glass or has written a step. */ -}}
{{- define "ibgu.grantPolicy" -}}
{{- include "ibgu.admissionPolicy" (list . .Values.grantPolicy.enabled) -}}
{{- end }}

{{- /* The file of IBGU_NOTIFY_FILE; empty: nobody is notified. */ -}}
{{- define "ibgu.receivers" -}}
{{- with .Values.notifications.receivers }}
{{- dict "receivers" . | toYaml }}
{{- end }}
{{- end }}

{{- /* The file of IBGU_HEALTH_SOURCES_FILE; empty: policies may ask none. */ -}}
{{- define "ibgu.healthSources" -}}
{{- with .Values.healthSources.sources }}
{{- dict "sources" . | toYaml }}
{{- end }}
{{- end }}

{{- /* The ports of these receivers or sources, as a list: those that a urlFile hides are not among
them. */ -}}
{{- define "ibgu.portsOf" -}}
{{- $ports := list -}}
{{- range . }}
{{- with .url }}
{{- $url := urlParse . -}}
{{- $port := regexFind ":[0-9]+$" $url.host | trimPrefix ":" | default (ternary "443" "80" (eq $url.scheme "https")) -}}
{{- $ports = append $ports $port -}}
{{- end }}
{{- end }}
{{- uniq $ports | sortAlpha | toJson -}}
{{- end }}
