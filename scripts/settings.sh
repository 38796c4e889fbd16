# Settings of a development machine, in .dev/env, which the first run creates.

# load_settings: exports the settings of .dev/env that are not set in the environment.
load_settings() {
  if [ ! -e "$DEV_DIR/env" ]; then
    say "creating secrets for development (.dev/env)"
    (umask 077 && cat >"$DEV_DIR/env.new") <<ENV
# Created by ./dev for this machine only. You can add any setting of docs/settings.md.
ADMIN_API_KEY=$(random_secret)
JWT_SECRET_KEY=$(random_secret)
MASTER_ENCRYPTION_KEY=$(random_secret)
POSTGRES_PORT=$(free_port 20000)
REDIS_PORT=$(free_port 26000)
ENV
    mv "$DEV_DIR/env.new" "$DEV_DIR/env"
  fi
  local line name
  while IFS= read -r line || [ -n "$line" ]; do
    [[ "$line" =~ ^[A-Z][A-Z0-9_]*= ]] || continue
    name=${line%%=*}
    [ -n "${!name:-}" ] || export "$name=${line#*=}"
  done <"$DEV_DIR/env"
  local port=${PORT:-8002}
  [[ "$port" =~ ^[0-9]+$ ]] && [ "$port" -ge 1 ] && [ "$port" -le 65535 ] || fail "PORT=$port is not a port"
  # Messages to users go to .dev/mail.
  export MAIL_TRANSPORT=${MAIL_TRANSPORT:-smtp} MAIL_FROM=${MAIL_FROM:-no-reply@tenancy.example}
  export PUBLIC_URL=${PUBLIC_URL:-http://localhost:$port}
  for name in ADMIN_API_KEY JWT_SECRET_KEY MASTER_ENCRYPTION_KEY POSTGRES_PORT REDIS_PORT; do
    [ -n "${!name:-}" ] || fail "$name is missing in .dev/env: add it, or reset everything with ./dev down --wipe"
  done
}

# query_of URL: prints the query with its question mark, or nothing.
query_of() {
  case $1 in
    *\?*) echo "?${1#*\?}" ;;
  esac
}

# host_of SCHEME URL PORT: prints scheme://host:port of a URL for allowed_outbound_hosts. PORT is the default port.
host_of() {
  local scheme=$1 url=$2 default_port=$3 authority
  authority=${url#*://}
  authority=${authority%%[/?]*}
  authority=${authority##*@}
  case $authority in
    *]) authority+=":$default_port" ;;
    *]:*) ;;
    *:*) ;;
    *) authority+=":$default_port" ;;
  esac
  echo "$scheme://$authority"
}

# export_variables: exports settings with a value as Spin variables.
export_variables() {
  local name
  for name in $(sed -n '/^\[variables\]/,/^\[\[/s/^\([a-z0-9_]*\) = .*/\1/p' spin.toml); do
    local setting=${name^^}
    if [ -n "${!setting:-}" ]; then export "SPIN_VARIABLE_$setting=${!setting}"; fi
  done
}
