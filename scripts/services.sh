# Private PostgreSQL and Redis servers: in a folder of their own, on loopback, never the machine's.

# postgres_bin: the folder of initdb and pg_ctl, 15 or newer; empty when there is none.
postgres_bin() {
  local bin
  for bin in $(compgen -G '/usr/lib/postgresql/*/bin' | sort -t/ -k5 -rn) "$(dirname "$(command -v initdb 2>/dev/null || echo /none/x)")"; do
    if [ -x "$bin/initdb" ] && [ -x "$bin/pg_ctl" ] &&
      [ "$("$bin/postgres" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')" -ge 15 ]; then
      echo "$bin"
      return
    fi
  done
}

# redis_is_recent: whether redis-server is there, 7 or newer.
redis_is_recent() {
  have redis-server && [ "$(redis-server --version | sed 's/.*v=\([0-9]*\).*/\1/')" -ge 7 ]
}

# install_servers: PostgreSQL and Redis, where the machine has none that is recent.
install_servers() {
  if [ -z "$(postgres_bin)" ]; then
    is_debian || fail "PostgreSQL 15 or newer is missing: install its server, or set MASTER_DATABASE_URL"
    install_packages "the database" postgresql
    [ -n "$(postgres_bin)" ] || fail "the system's PostgreSQL is older than 15: install a newer one, or set MASTER_DATABASE_URL"
  fi
  if ! redis_is_recent; then
    is_debian || fail "Redis 7 or newer is missing: install redis-server, or set REDIS_URL"
    install_packages "the cache" redis-server
    redis_is_recent || fail "the system's Redis is older than 7: install a newer one, or set REDIS_URL"
  fi
}

# as_postgres COMMAND...: PostgreSQL refuses to run as root, so root runs it as the package's user.
as_postgres() {
  if [ "$(id -u)" -eq 0 ]; then
    (cd / && runuser -u postgres -- "$@")
  else
    "$@"
  fi
}

# start_postgres FOLDER PORT [SETTING...]: makes the cluster on its first start. Its superuser is
# `postgres`, with the password in FOLDER/password.
start_postgres() {
  local folder=$1 port=$2 bin setting options
  shift 2
  bin=$(postgres_bin)
  if [ ! -d "$folder/data" ]; then
    mkdir -p "$folder"
    (umask 077 && random_secret >"$folder/password")
    [ "$(id -u)" -ne 0 ] || chown -R postgres "$folder"
    # The database of a cluster that did not come to be whole is made anew.
    rm -rf "$folder/unfinished"
    as_postgres "$bin/initdb" -D "$folder/unfinished" -U postgres --pwfile="$folder/password" \
      --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 >"$folder/initdb.log" 2>&1 || {
      tail -n 5 "$folder/initdb.log" >&2
      fail "PostgreSQL's initdb failed"
    }
    mv "$folder/unfinished" "$folder/data"
  fi
  options="-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=400 -c shared_buffers=64MB"
  # Each of many databases once a minute would be a worker every tenth of a second.
  options+=" -c autovacuum_naptime=10min"
  for setting in "$@"; do options+=" -c $setting"; done
  as_postgres "$bin/pg_ctl" -D "$folder/data" -l "$folder/postgres.log" -w -t 60 -o "$options" start >"$folder/start.log" 2>&1 || {
    tail -n 5 "$folder/postgres.log" >&2
    fail "PostgreSQL did not start (its log: $folder/postgres.log)"
  }
}

postgres_runs() {
  [ -d "$1/data" ] && as_postgres "$(postgres_bin)/pg_ctl" -D "$1/data" status >/dev/null 2>&1
}

stop_postgres() {
  if postgres_runs "$1"; then
    as_postgres "$(postgres_bin)/pg_ctl" -D "$1/data" -w -m fast stop >/dev/null 2>&1 || true
  fi
}

# create_catalog FOLDER PORT: the account that the service uses, which is no superuser, and its
# catalog. The account's password is in FOLDER/account.
create_catalog() {
  local folder=$1 port=$2
  [ -s "$folder/account" ] || (umask 077 && random_secret >"$folder/account")
  PGPASSWORD=$(cat "$folder/password") "$(postgres_bin)/psql" -X -q -v ON_ERROR_STOP=1 \
    -h 127.0.0.1 -p "$port" -U postgres postgres >"$folder/create.log" 2>&1 <<SQL || fail "the catalog could not be made ($folder/create.log)"
SELECT 'CREATE ROLE tenancy' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tenancy') \\gexec
ALTER ROLE tenancy LOGIN CREATEDB CREATEROLE PASSWORD '$(cat "$folder/account")';
SELECT 'CREATE DATABASE tenancy OWNER tenancy' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'tenancy') \\gexec
REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC;
GRANT CONNECT ON DATABASE postgres TO tenancy;
GRANT SET ON PARAMETER temp_file_limit TO tenancy;
SQL
}

# start_redis FOLDER PORT: its password is in FOLDER/password.
start_redis() {
  local folder=$1 port=$2
  mkdir -p "$folder"
  [ -s "$folder/password" ] || (umask 077 && random_secret >"$folder/password")
  # In a file, so that the password is in no list of processes.
  (umask 077 && cat >"$folder/redis.conf") <<CONF
port $port
bind 127.0.0.1
dir "$folder"
requirepass $(cat "$folder/password")
daemonize yes
pidfile "$folder/redis.pid"
logfile "$folder/redis.log"
CONF
  redis-server "$folder/redis.conf" >/dev/null || fail "Redis did not start (its log: $folder/redis.log)"
  for _ in $(seq 100); do
    port_is_free "$port" || return 0
    sleep 0.05
  done
  fail "Redis did not start (its log: $folder/redis.log)"
}

# redis_runs FOLDER PORT: whether the process of its pid file is that Redis still, and not another
# program that has got its number since.
redis_runs() {
  local pid
  pid=$(cat "$1/redis.pid" 2>/dev/null) || return 1
  [[ "$(command_of "$pid")" == *"redis-server 127.0.0.1:$2"* ]]
}

stop_redis() {
  if redis_runs "$1" "$2"; then
    kill "$(cat "$1/redis.pid")"
    for _ in $(seq 100); do
      redis_runs "$1" "$2" || return 0
      sleep 0.05
    done
  fi
}
