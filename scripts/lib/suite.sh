# shellcheck shell=bash
# Starts and stops the whole suite in a state folder. Sourced, from the repository's root.
#
# Below the state folder: env, first-picture.png, NAME.log, NAME.pid, redis/, secrets/ (owner-password is the first
# owner's), catalog.yaml.

# Ports, counted from the port base.
port() {
  case $1 in
    public) echo $((port_base + 0)) ;;
    admin) echo $((port_base + 1)) ;;
    registry) echo $((port_base + 10)) ;;
    registry_admin) echo $((port_base + 11)) ;;
    billing) echo $((port_base + 20)) ;;
    billing_admin) echo $((port_base + 21)) ;;
    provider) echo $((port_base + 30)) ;;
    redis) echo $((port_base + 40)) ;;
    sandbox) echo $((port_base + 50)) ;;
    metrics) echo $((port_base + 60 + ${2:-0})) ;;
  esac
}

in_folder() { # in_folder HERE PATH: the path, from HERE when it is relative
  case $2 in /*) echo "$2" ;; *) echo "$1/$2" ;; esac
}

# What the caller's environment says to our processes and to curl is not meant for them.
forget_environment() {
  local variable
  for variable in $(compgen -e); do
    case $variable in PRISMATIC_* | http_proxy | https_proxy | all_proxy | grpc_proxy | HTTP_PROXY | HTTPS_PROXY | ALL_PROXY) unset "$variable" ;; esac
  done
}

# start NAME [VARIABLE=VALUE...] COMMAND...: in the background, out of reach of the terminal's Ctrl-C, output to NAME.log.
start() {
  local name=$1
  shift
  setsid env "$@" >>"$state/$name.log" 2>&1 </dev/null &
  echo "$! $(start_time $!)" >"$state/$name.pid"
}

# The time at which a process started, in clock ticks since boot: with its number it is one process only.
# Nothing for one that has ended and only waits to be buried.
start_time() { # start_time PID
  local fields
  read -r -a fields < <(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) || return 0
  [ "${fields[0]}" = Z ] || echo "${fields[19]}"
}

# alive NAME: prints its number.
alive() {
  local pid='' started=''
  [ -s "$state/$1.pid" ] && read -r pid started <"$state/$1.pid" || return 1
  [ -n "$started" ] && [ "$(start_time "$pid")" = "$started" ] && echo "$pid"
}

# wait_for WHAT SECONDS COMMAND...: until the command succeeds.
wait_for() {
  local what=$1 deadline=$((SECONDS + $2)) file
  shift 2
  while true; do
    # First ours, then the answer: a stranger on the same port must not be taken for ours.
    for file in "$state"/*.pid; do
      if ! alive "$(basename "$file" .pid)" >/dev/null; then
        echo "$(basename "$file" .pid) ended:" >&2
        tail -n 5 "${file%.pid}.log" >&2
        return 1
      fi
    done
    "$@" >/dev/null 2>&1 && return 0
    if [ $SECONDS -ge $deadline ]; then
      echo "$what did not become ready." >&2
      return 1
    fi
    sleep 0.1
  done
}

# Ports of ours that somebody listens on already.
refuse_taken_ports() {
  local offset taken=()
  for offset in 0 1 10 11 20 21 30 40 50 60 61 62 63; do
    (exec 3<>"/dev/tcp/127.0.0.1/$((port_base + offset))") 2>/dev/null && taken+=($((port_base + offset)))
  done
  [ ${#taken[@]} -eq 0 ] && return 0
  echo "Ports in use: ${taken[*]}. Give another --port-base, or end what runs there." >&2
  return 1
}

random_hex() { head -c "$1" /dev/urandom | od -An -tx1 | tr -d ' \n'; }

secret() { # secret NAME: kept in the state folder, made once
  local file=$state/secrets/$1
  [ -s "$file" ] || (umask 077 && random_hex 24 >"$file")
  cat "$file"
}

suite_is_running() { # suite_is_running STATE: every process that was started is still there
  local state=$1 file
  compgen -G "$state/*.pid" >/dev/null || return 1
  for file in "$state"/*.pid; do alive "$(basename "$file" .pid)" >/dev/null || return 1; done
}

# Longer than a generation with its settlement: what was begun is finished.
STOP_SECONDS=345

suite_stop() { # suite_stop STATE: front to back, each by its own number
  local state=$1 name pid deadline
  for name in all-in-one gateway provider-proxy billing registry sandbox redis; do
    if pid=$(alive "$name"); then
      deadline=$((SECONDS + STOP_SECONDS))
      kill "$pid" 2>/dev/null || true
      while alive "$name" >/dev/null && [ $SECONDS -lt $deadline ]; do sleep 0.05; done
      alive "$name" >/dev/null && kill -9 "$pid"
    fi
    rm -f "$state/$name.pid"
  done
}

start_redis() {
  mkdir -p "$state/redis"
  start redis redis-server --bind 127.0.0.1 --port "$(port redis)" --dir "$state/redis" --save '' \
    --appendonly yes --appendfsync always --maxmemory-policy noeviction --set-proc-title no
  wait_for Redis 20 redis-cli -p "$(port redis)" ping
}

start_services() { # start_services SEPARATE
  local token=$state/secrets/admin-token host=127.0.0.1 redis
  redis=redis://$host:$(port redis)
  local key=PROVIDER_KEY_SANDBOX=$2
  local registry_flags=(--redis "$redis" --catalog "$state/catalog.yaml" --admin-token-file "$token"
    --owner-password-file "$state/secrets/owner-password")
  local billing_flags=(--redis "$redis" --admin-token-file "$token")
  if [ "$1" = no ]; then
    start all-in-one "$key" "$bin/prismatic-all-in-one" --listen "$host:$(port public)" \
      --admin-listen "$host:$(port admin)" \
      --registry-listen "$host:$(port registry)" --registry-admin-listen "$host:$(port registry_admin)" \
      --billing-listen "$host:$(port billing)" --billing-admin-listen "$host:$(port billing_admin)" \
      --provider-proxy-listen "$host:$(port provider)" --metrics-listen "$host:$(port metrics)" \
      "${registry_flags[@]}"
    return
  fi
  start registry "$bin/prismatic-registry" --listen "$host:$(port registry)" \
    --admin-listen "$host:$(port registry_admin)" --metrics-listen "$host:$(port metrics 1)" "${registry_flags[@]}"
  start billing "$bin/prismatic-billing" --listen "$host:$(port billing)" --registry "$host:$(port registry)" \
    --admin-listen "$host:$(port billing_admin)" --metrics-listen "$host:$(port metrics 2)" "${billing_flags[@]}"
  start provider-proxy "$key" "$bin/prismatic-provider-proxy" --listen "$host:$(port provider)" \
    --registry "$host:$(port registry)" --metrics-listen "$host:$(port metrics 3)"
  start gateway "$bin/prismatic-gateway" --listen "$host:$(port public)" --registry "$host:$(port registry)" \
    --billing "$host:$(port billing)" --provider-proxy "$host:$(port provider)" \
    --admin-listen "$host:$(port admin)" --registry-admin "$host:$(port registry_admin)" \
    --billing-admin "$host:$(port billing_admin)" --billing-admin-token-file "$token" \
    --metrics-listen "$host:$(port metrics)"
}

metrics_urls() { # metrics_urls SEPARATE: comma-separated
  local urls index
  urls=http://127.0.0.1:$(port metrics)/metrics
  if [ "$1" = yes ]; then
    for index in 1 2 3; do urls+=,http://127.0.0.1:$(port metrics $index)/metrics; done
  fi
  echo "$urls"
}

write_env() ( # write_env SEPARATE API_KEY
  umask 077
  cat >"$state/env" <<END
export PRISMATIC_BASE_URL=http://127.0.0.1:$(port public)/v1
export PRISMATIC_API_KEY=$2
export PRISMATIC_ADMIN_URL=http://127.0.0.1:$(port admin)
export PRISMATIC_ADMIN_TOKEN=$(secret admin-token)
export PRISMATIC_REGISTRY_ADDR=127.0.0.1:$(port registry)
export PRISMATIC_BILLING_ADDR=127.0.0.1:$(port billing)
export PRISMATIC_PROVIDER_ADDR=127.0.0.1:$(port provider)
export PRISMATIC_REGISTRY_ADMIN_ADDR=127.0.0.1:$(port registry_admin)
export PRISMATIC_BILLING_ADMIN_ADDR=127.0.0.1:$(port billing_admin)
export PRISMATIC_REDIS_URL=redis://127.0.0.1:$(port redis)
export PRISMATIC_SANDBOX_URL=http://127.0.0.1:$(port sandbox)
export PRISMATIC_METRICS_URLS=$(metrics_urls "$1")
END
)

# The demo account: money for 25,000 pictures and no limits. Made once; its key lives in secrets/.
ensure_demo_key() {
  local cli=$bin/prismatic
  if [ ! -s "$state/secrets/demo-key" ]; then
    # shellcheck source=/dev/null
    (. "$state/env" && "$cli" account create demo --wallet-usd 1000 >/dev/null)
    # shellcheck source=/dev/null
    (. "$state/env" && umask 077 && "$cli" key create --account demo --output json |
      sed -n 's/.*"api_key": *"\([^"]*\)".*/\1/p' >"$state/secrets/demo-key")
  fi
  [ -s "$state/secrets/demo-key" ]
}

suite_start() { # suite_start STATE PORT_BASE SEPARATE BIN
  local state=$1 port_base=$2 separate=$3 bin=$4
  mkdir -p "$state/secrets"
  chmod 700 "$state/secrets"
  rm -f "$state"/*.pid "$state"/*.log
  refuse_taken_ports
  secret admin-token >/dev/null
  local sandbox_key
  sandbox_key=$(secret sandbox-key)
  sed "s/127\.0\.0\.1:9100/127.0.0.1:$(port sandbox)/" deploy/catalog/sandbox.yaml >"$state/catalog.yaml"

  start_redis
  start sandbox PRISMATIC_API_KEY="$sandbox_key" "$bin/prismatic-sandbox" --listen "127.0.0.1:$(port sandbox)"
  start_services "$separate" "$sandbox_key"
  wait_for "The sandbox" 20 curl -fsS "http://127.0.0.1:$(port sandbox)/healthz"
  wait_for "The gateway" 30 curl -fsS "http://127.0.0.1:$(port public)/readyz"
  wait_for "The admin page" 10 curl -fsS "http://127.0.0.1:$(port admin)/healthz"
  write_env "$separate" ""
  # shellcheck disable=SC2016
  wait_for "Billing" 20 bash -c '. "$1/env" && "$2/prismatic" model list' bash "$state" "$bin"
  ensure_demo_key
  write_env "$separate" "$(cat "$state/secrets/demo-key")"
}

suite_first_picture() { # suite_first_picture STATE: the request of the README, answered with a picture
  local state=$1
  # shellcheck source=/dev/null
  . "$state/env"
  curl -fsS "$PRISMATIC_BASE_URL/images/generations" \
    -H "Authorization: Bearer $PRISMATIC_API_KEY" -H "Content-Type: application/json" \
    -d '{"model": "imagen-4", "prompt": "A clean product mockup on a neutral desk",
         "image_url": ["https://example.com/reference.png"], "negative_prompt": "clutter, text artifacts",
         "aspect_ratio": "16:9", "quality": "high", "style": "natural", "seed": 42,
         "response_format": "b64_json", "n": 1}' |
    sed 's/.*"b64_json":"\([^"]*\)".*/\1/' | base64 -d >"$state/first-picture.png"
  head -c 8 "$state/first-picture.png" | od -An -c | grep -q 'P   N   G'
}

# The first owner's password as it was made, shown at its first start and later by its file alone.
owner_password_words() {
  local file=$state/secrets/owner-password shown=$state/secrets/owner-password.shown
  if [ -s "$file" ] && [ ! -e "$shown" ]; then
    touch "$shown"
    echo "$(cat "$file") (kept in $file)"
  else
    echo "in $file, unless it was changed"
  fi
}

# With the tool of the folder that the suite was started from: scripts/run's $bin.
suite_say_how() { # suite_say_how STATE
  local state=$1 cli=${bin:-build/bin}/prismatic
  cli=${cli#"$PWD/"}
  cat <<END

Prismatic is running. The first picture is $state/first-picture.png

Call it (any OpenAI SDK works with this base URL and key):

  . "$state/env"
  curl \$PRISMATIC_BASE_URL/images/generations \\
    -H "Authorization: Bearer \$PRISMATIC_API_KEY" -H "Content-Type: application/json" \\
    -d '{"model": "imagen-4", "prompt": "A lighthouse at dusk", "n": 1}'

Operate it: $(sed -n 's/.*ADMIN_URL=//p' "$state/env")   Sign in as \`owner\`; the password is $(owner_password_words)

See what it cost:  . "$state/env"; $cli account show demo
                   $cli ledger list --account demo
Logs: $state/*.log   Metrics: $(sed -n 's/.*METRICS_URLS=//p' "$state/env")
END
}
