# Private PostgreSQL and Redis servers in a separate folder, on loopback. The machine's own servers are not used.

# postgres_bin: prints the folder of initdb and pg_ctl, 15 or newer, or nothing.
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

# redis_is_recent: succeeds if redis-server 7 or newer is installed.
redis_is_recent() {
  have redis-server && [ "$(redis-server --version | sed 's/.*v=\([0-9]*\).*/\1/')" -ge 7 ]
}

# install_servers: installs PostgreSQL and Redis if the machine has no recent versions.
install_servers() {
  if [ -z "$(postgres_bin)" ]; then
    is_debian || fail "PostgreSQL 15 or newer is missing: install the server, or set MASTER_DATABASE_URL"
    install_packages "the database" postgresql
    [ -n "$(postgres_bin)" ] || fail "the system's PostgreSQL is older than 15: install a newer one, or set MASTER_DATABASE_URL"
  fi
  if ! redis_is_recent; then
    is_debian || fail "Redis 7 or newer is missing: install redis-server, or set REDIS_URL"
    install_packages "the cache" redis-server
    redis_is_recent || fail "the system's Redis is older than 7: install a newer one, or set REDIS_URL"
  fi
}

# as_postgres COMMAND...: runs a command as the package's user if called by root, because PostgreSQL refuses root.
as_postgres() {
  if [ "$(id -u)" -eq 0 ]; then
    (cd / && runuser -u postgres -- "$@")
  else
    "$@"
  fi
}

# start_postgres FOLDER PORT [SETTING...]: starts a cluster, and creates it on the first start. Its superuser is
# `postgres`, with the password in FOLDER/password.
start_postgres() {
  local folder=$1 port=$2 bin setting options
  shift 2
  bin=$(postgres_bin)
  if [ ! -d "$folder/data" ]; then
    mkdir -p "$folder"
    (umask 077 && random_secret >"$folder/password")
    [ "$(id -u)" -ne 0 ] || chown -R postgres "$folder"
    # An incomplete cluster is created again.
    rm -rf "$folder/unfinished"
    as_postgres "$bin/initdb" -D "$folder/unfinished" -U postgres --pwfile="$folder/password" \
      --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 >"$folder/initdb.log" 2>&1 || {
      tail -n 5 "$folder/initdb.log" >&2
      fail "PostgreSQL's initdb failed"
    }
    mv "$folder/unfinished" "$folder/data"
  fi
  options="-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=400 -c shared_buffers=64MB"
  # By default many databases would start a worker every tenth of a second.
  options+=" -c autovacuum_naptime=10min"
  for setting in "$@"; do options+=" -c $setting"; done
  as_postgres "$bin/pg_ctl" -D "$folder/data" -l "$folder/postgres.log" -w -t 60 -o "$options" start >"$folder/start.log" 2>&1 || {
    tail -n 5 "$folder/postgres.log" >&2
    fail "PostgreSQL did not start (log: $folder/postgres.log)"
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

# create_catalog FOLDER PORT: creates the service's account, which is not a superuser, and its catalog. The account's
# password is in FOLDER/account.
create_catalog() {
  local folder=$1 port=$2
  [ -s "$folder/account" ] || (umask 077 && random_secret >"$folder/account")
  PGPASSWORD=$(cat "$folder/password") "$(postgres_bin)/psql" -X -q -v ON_ERROR_STOP=1 \
    -h 127.0.0.1 -p "$port" -U postgres postgres >"$folder/create.log" 2>&1 <<SQL || fail "the catalog cannot be created (log: $folder/create.log)"
SELECT 'CREATE ROLE tenancy' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tenancy') \\gexec
ALTER ROLE tenancy LOGIN CREATEDB CREATEROLE PASSWORD '$(cat "$folder/account")';
SELECT 'CREATE DATABASE tenancy OWNER tenancy' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'tenancy') \\gexec
REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC;
GRANT CONNECT ON DATABASE postgres TO tenancy;
GRANT SET ON PARAMETER temp_file_limit TO tenancy;
SELECT 'CREATE DATABASE tenancy_base TEMPLATE template0 ENCODING ''UTF8'' IS_TEMPLATE true'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'tenancy_base') \\gexec
REVOKE ALL ON DATABASE tenancy_base FROM PUBLIC;
\\connect tenancy_base
\\i deploy/postgres/large-objects.sql
SQL
}

# start_redis FOLDER PORT: starts Redis. Its password is in FOLDER/password.
start_redis() {
  local folder=$1 port=$2
  mkdir -p "$folder"
  [ -s "$folder/password" ] || (umask 077 && random_secret >"$folder/password")
  # In a file, so that no process list shows the password.
  (umask 077 && cat >"$folder/redis.conf") <<CONF
port $port
bind 127.0.0.1
dir "$folder"
requirepass $(cat "$folder/password")
daemonize yes
pidfile "$folder/redis.pid"
logfile "$folder/redis.log"
CONF
  redis-server "$folder/redis.conf" >/dev/null || fail "Redis did not start (log: $folder/redis.log)"
  for _ in $(seq 100); do
    port_is_free "$port" || return 0
    sleep 0.05
  done
  fail "Redis did not start (log: $folder/redis.log)"
}

# redis_runs FOLDER PORT: succeeds if the process of the PID file is still this Redis, and not another program that has
# reused its number.
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
