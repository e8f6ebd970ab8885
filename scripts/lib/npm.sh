# shellcheck shell=bash
# Installs what the tests with OpenAI's SDK for Node, and those in Chromium, need. Sourced, from the repository's root.

# install_npm_project FOLDER: exactly what its lock file names, checksums compared, once. The Node that runs the tests
# comes along, since they want a newer one than Debian's; npm itself is Debian's unless there is one already. Without
# it the other tests run still: those that need the folder are counted as skipped, or fail where CI is set.
install_npm_project() {
  local dir=$1 stamp=$1/node_modules/.installed-lock.json started=$SECONDS
  cmp -s "$dir/package-lock.json" "$stamp" && return 0
  echo "Installing the npm packages of $dir/package-lock.json"
  if { command -v npm >/dev/null || install_packages npm; } &&
    npm ci --prefix "$dir" --ignore-scripts --loglevel=error >/dev/null &&
    compgen -G "$dir/node_modules/node-linux-*/bin/node" >/dev/null; then
    cp "$dir/package-lock.json" "$stamp"
    echo "Installed in $((SECONDS - started)) s."
  else
    echo "!!! The npm packages cannot be installed: NO TEST OF $dir CAN RUN." >&2
  fi
}
