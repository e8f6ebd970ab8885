# shellcheck shell=bash
# Builds kube-apiserver at the version that tests/cluster/apiserver/go.mod pins, once, into .cache/chart-tools. Sourced, from
# the repository's root. etcd is Debian's (package etcd-server).

CLUSTER_TOOLS=$PWD/.cache/chart-tools

# cluster_tools: fails when the API server is missing and cannot be built. Measured on two busy cores: 9 minutes, of which 6 of
# CPU, 2 GB of memory and 3 GB below Go's caches.
cluster_tools() {
  local version built module=tests/cluster/apiserver stamp=k8s.io/component-base/version started=$SECONDS
  version=$(sed -n 's/^require k8s.io\/kubernetes \(v[0-9.]*\)$/\1/p' "$module/go.mod")
  [ -n "$version" ] || { echo "$module/go.mod names no version of k8s.io/kubernetes" >&2 && return 1; }
  built=$CLUSTER_TOOLS/kube-apiserver-$version
  if [ ! -x "$built" ]; then
    mkdir -p "$CLUSTER_TOOLS"
    echo "Building kube-apiserver $version, which takes some minutes"
    # It says which version it is by what it is linked with; Helm compares that with the chart's kubeVersion.
    (cd "$module" && CGO_ENABLED=0 GOFLAGS='-p=2 -buildvcs=false -mod=readonly' nice -n 19 go build -trimpath \
      -ldflags "-s -w -X $stamp.gitVersion=$version -X $stamp.gitMajor=$(cut -d. -f1 <<<"${version#v}") -X $stamp.gitMinor=$(cut -d. -f2 <<<"$version")" \
      -o "$built.new" k8s.io/kubernetes/cmd/kube-apiserver) || return 1
    mv "$built.new" "$built"
    echo "Built in $((SECONDS - started)) s."
  fi
  ln -sf "kube-apiserver-$version" "$CLUSTER_TOOLS/kube-apiserver"
}
