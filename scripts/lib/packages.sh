# shellcheck shell=bash
# Debian packages that the scripts install when they are missing. Sourced.

# To build and run the suite.
# shellcheck disable=SC2034
BUILD_PACKAGES=(
  build-essential cmake ninja-build ccache pkg-config
  protobuf-compiler protobuf-compiler-grpc libgrpc++-dev libprotobuf-dev libabsl-dev
  libcpp-httplib-dev libhiredis-dev prometheus-cpp-dev libsimdjson-dev libyaml-cpp-dev
  libuv1-dev libcurl4-openssl-dev libpng-dev libfreetype-dev fonts-dejavu-core libssl-dev zlib1g-dev libbrotli-dev
  libsodium-dev
  redis-server curl ca-certificates
)
# To test and check it.
# shellcheck disable=SC2034
TEST_PACKAGES=(libgtest-dev libgmock-dev python3 python3-venv clang-format-14 shellcheck nginx-light haproxy
  chromium prometheus systemd strace util-linux openssl)

# A policy that keeps packages (redis-server, nginx, haproxy) from starting servers of their own, unless there is one.
deny_service_starts() {
  [ -e /usr/sbin/policy-rc.d ] && return 1
  printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
  chmod +x /usr/sbin/policy-rc.d
}

# install_packages NAME...: installs those that are missing, says so, and fails loudly.
install_packages() {
  local missing=() package started=$SECONDS
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  if [ "$(id -u)" -ne 0 ]; then
    echo "These Debian packages are missing; install them as root: apt-get install ${missing[*]}" >&2
    return 1
  fi
  echo "Installing ${#missing[@]} Debian packages: ${missing[*]}"
  local made_policy=no status=0
  deny_service_starts && made_policy=yes
  {
    DEBIAN_FRONTEND=noninteractive apt-get -qq update &&
      DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "${missing[@]}" >/dev/null
  } || status=$?
  [ "$made_policy" = yes ] && rm -f /usr/sbin/policy-rc.d
  [ "$status" -eq 0 ] && echo "Installed in $((SECONDS - started)) s."
  return "$status"
}
