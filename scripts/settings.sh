# Settings of a development machine: kept in .dev/env, which is made on the first run.

# load_settings: what .dev/env says, where the environment says nothing else.
load_settings() {
  if [ ! -e "$DEV_DIR/env" ]; then
    say "making secrets for development (.dev/env)"
    (umask 077 && cat >"$DEV_DIR/env.new") <<ENV
# Made by ./dev for this machine alone. Any setting of the README may be added here.
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
  for name in ADMIN_API_KEY JWT_SECRET_KEY MASTER_ENCRYPTION_KEY POSTGRES_PORT REDIS_PORT; do
    [ -n "${!name:-}" ] || fail "$name is missing in .dev/env: add it, or start anew with ./dev down --wipe"
  done
}

# query_of URL: what follows the question mark, with it; nothing where there is none.
query_of() {
  case $1 in
    *\?*) echo "?${1#*\?}" ;;
  esac
}

# host_of SCHEME URL PORT: scheme://host:port of a URL, as allowed_outbound_hosts wants it. PORT is
# for a URL that has none.
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

# export_variables: the settings that are set, as Spin takes them.
export_variables() {
  local name
  for name in $(sed -n '/^\[variables\]/,/^\[\[/s/^\([a-z0-9_]*\) = .*/\1/p' spin.toml); do
    local setting=${name^^}
    if [ -n "${!setting:-}" ]; then export "SPIN_VARIABLE_$setting=${!setting}"; fi
  done
}
