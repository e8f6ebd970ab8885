# shellcheck shell=bash
# Builds one preset. Sourced, from the repository's root.

# build PRESET [ninja target...]: prints one line when it is done, the compiler's words when it fails.
build() {
  local preset=$1 started=$SECONDS dir log
  shift
  dir=build
  [ "$preset" = dev ] || dir=build-$preset
  log=$dir/build.log
  mkdir -p "$dir"
  echo "Building ($preset); the first time takes some minutes."
  # One at a time: two builds in one folder write each other's files.
  if ! flock "$dir/.lock" bash -c 'cmake --preset "$0" && ninja -C "$1" "${@:2}"' "$preset" "$dir" "$@" >"$log" 2>&1; then
    grep -m 5 -i -E -A12 'error|FAILED' "$log" >&2 || tail -n 20 "$log" >&2
    echo "The build failed; everything it said is in $log" >&2
    return 1
  fi
  echo "Built ($preset) in $((SECONDS - started)) s."
}
