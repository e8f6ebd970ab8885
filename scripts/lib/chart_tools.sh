# shellcheck shell=bash
# Builds the tools that look at the Helm chart, once, at pinned versions, into .cache/chart-tools. Sourced, from the
# repository's root.
#
# kube-linter is used where one is installed (KUBE_LINTER or in PATH): its module is not to be had from every module
# proxy. Its default checks are written out in tests/chart/linter_checks.py and run always.

CHART_TOOLS=$PWD/.cache/chart-tools
HELM3_VERSION=v3.22.0
HELM4_VERSION=v4.3.1
KUBECONFORM_VERSION=v0.8.0
# Whose OpenAPI the schemas are made from.
KUBERNETES_VERSION=v1.36.3
PROMETHEUS_OPERATOR_VERSION=v0.85.0
CHART_GO_MIN=1.26

# go_is_new_enough: Go is there, and at least CHART_GO_MIN.
go_is_new_enough() {
  local have
  have=$(go env GOVERSION 2>/dev/null) || return 1
  [ "$(printf '%s\n%s\n' "$CHART_GO_MIN" "${have#go}" | sort -V | head -1)" = "$CHART_GO_MIN" ]
}

# go_tool NAME PACKAGE VERSION: builds it as NAME-VERSION and links NAME to it; nothing when it is there.
go_tool() {
  local name=$1 package=$2 version=$3 built=$CHART_TOOLS/$1-$3 folder
  if [ ! -x "$built" ]; then
    echo "Building $name $version"
    folder=$(mktemp -d "$CHART_TOOLS/build.XXXXXX") || return 1
    if ! GOBIN=$folder GOFLAGS='-p=2 -buildvcs=false' CGO_ENABLED=0 nice -n 19 go install "$package@$version"; then
      rm -rf "$folder"
      return 1
    fi
    mv "$folder"/* "$built" && rmdir "$folder"
  fi
  ln -sf "$name-$version" "$CHART_TOOLS/$name"
}

# go_module MODULE VERSION: prints the folder that it was fetched into.
go_module() {
  (cd "$CHART_TOOLS" && nice -n 19 go mod download -json "$1@$2") | sed -n 's/.*"Dir": "\(.*\)",/\1/p'
}

# Whose kinds the chart makes: the Kubernetes module's own OpenAPI document, and the Prometheus operator's CRDs.
kubernetes_openapi() {
  local folder=$CHART_TOOLS/openapi-$KUBERNETES_VERSION-$PROMETHEUS_OPERATOR_VERSION module name
  [ -d "$folder" ] && return 0
  echo "Fetching the OpenAPI document of k8s.io/kubernetes $KUBERNETES_VERSION"
  rm -rf "$folder.new" && mkdir "$folder.new" || return 1
  module=$(go_module k8s.io/kubernetes "$KUBERNETES_VERSION") &&
    cat "$module/api/openapi-spec/swagger.json" >"$folder.new/swagger.json" || return 1
  module=$(go_module github.com/prometheus-operator/prometheus-operator "$PROMETHEUS_OPERATOR_VERSION") || return 1
  for name in servicemonitors prometheusrules; do
    cat "$module/example/prometheus-operator-crd/monitoring.coreos.com_$name.yaml" >"$folder.new/$name.yaml" || return 1
  done
  mv "$folder.new" "$folder"
}

# Schemas for kubeconform, in the folder `schemas`. Python's yaml is that of the tests.
kubernetes_schemas() {
  local openapi=$CHART_TOOLS/openapi-$KUBERNETES_VERSION-$PROMETHEUS_OPERATOR_VERSION
  local folder=$CHART_TOOLS/schemas-$KUBERNETES_VERSION-$PROMETHEUS_OPERATOR_VERSION
  if [ ! -d "$folder" ] || [ scripts/lib/kubernetes_schemas.py -nt "$folder" ]; then
    rm -rf "$folder" "$folder.new"
    .cache/venv/bin/python scripts/lib/kubernetes_schemas.py "$folder.new" "$openapi/swagger.json" "$openapi"/*.yaml &&
      mv "$folder.new" "$folder" || return 1
  fi
  ln -sfn "${folder##*/}" "$CHART_TOOLS/schemas"
}

# chart_tools: fails when a tool is missing and cannot be built.
chart_tools() {
  mkdir -p "$CHART_TOOLS"
  if ! go_is_new_enough; then
    [ -x "$CHART_TOOLS/helm3-$HELM3_VERSION" ] && [ -x "$CHART_TOOLS/helm4-$HELM4_VERSION" ] &&
      [ -x "$CHART_TOOLS/kubeconform-$KUBECONFORM_VERSION" ] && [ -d "$CHART_TOOLS/openapi-$KUBERNETES_VERSION-$PROMETHEUS_OPERATOR_VERSION" ] &&
      kubernetes_schemas
    return
  fi
  go_tool helm3 helm.sh/helm/v3/cmd/helm "$HELM3_VERSION" &&
    go_tool helm4 helm.sh/helm/v4/cmd/helm "$HELM4_VERSION" &&
    go_tool kubeconform github.com/yannh/kubeconform/cmd/kubeconform "$KUBECONFORM_VERSION" &&
    kubernetes_openapi && kubernetes_schemas
}
