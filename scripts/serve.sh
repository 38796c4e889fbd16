# Serving: the stores, the migrations, the application.

# The functions that stop the programs of this run.
STARTED=()

# postgres_folder: prints a folder below .dev, unless PostgreSQL's user cannot access it (a clone in /root).
postgres_folder() {
  if [ "$(id -u)" -eq 0 ] && ! as_postgres test -x "$DEV_DIR" 2>/dev/null; then
    echo "/var/lib/postgresql/tenancy-$(printf '%s' "$PWD" | cksum | cut -d' ' -f1)"
  else
    echo "$DEV_DIR/postgres"
  fi
}

stop_dev_postgres() { stop_postgres "$(postgres_folder)"; }
stop_dev_redis() { stop_redis "$DEV_DIR/redis" "${REDIS_PORT:-}"; }

# start_stores: uses the stores in the settings, and otherwise starts private instances.
start_stores() {
  local own_postgres=no own_redis=no
  [ -n "${MASTER_DATABASE_URL:-}" ] || own_postgres=yes
  [ -n "${REDIS_URL:-}${REDIS_HOST:-}" ] || own_redis=yes
  if [ $own_postgres = yes ] || [ $own_redis = yes ]; then install_servers; fi
  trap stop_started EXIT
  trap 'exit 130' INT TERM
  if [ $own_postgres = yes ]; then start_dev_postgres; fi
  if [ -z "${TENANT_DATABASE_TEMPLATE:-}" ]; then
    local cluster query
    cluster=$(host_of postgres "$MASTER_DATABASE_URL" 5432)
    query=$(query_of "$MASTER_DATABASE_URL")
    export TENANT_DATABASE_TEMPLATE="postgres://{role}:{password}@${cluster#*://}/tenant_{tenant_id}$query"
  fi
  if [ $own_redis = yes ]; then start_dev_redis; fi
  narrow_hosts
}

start_dev_postgres() {
  local folder password
  folder=$(postgres_folder)
  if postgres_runs "$folder"; then
    say "PostgreSQL is already running on port $POSTGRES_PORT"
  else
    say "starting PostgreSQL on port $POSTGRES_PORT"
    port_is_free "$POSTGRES_PORT" || fail "port $POSTGRES_PORT is in use: stop the program that uses it, or set POSTGRES_PORT in .dev/env"
    STARTED+=(stop_dev_postgres)
    start_postgres "$folder" "$POSTGRES_PORT"
  fi
  create_catalog "$folder" "$POSTGRES_PORT"
  # This PostgreSQL has no TLS, and Spin would read the machine's certificates for each new database.
  password=$(cat "$folder/account")
  export MASTER_DATABASE_URL="postgres://tenancy:$password@127.0.0.1:$POSTGRES_PORT/tenancy?sslmode=disable"
}

start_dev_redis() {
  local password
  if redis_runs "$DEV_DIR/redis" "$REDIS_PORT"; then
    say "Redis is already running on port $REDIS_PORT"
  else
    say "starting Redis on port $REDIS_PORT"
    port_is_free "$REDIS_PORT" || fail "port $REDIS_PORT is in use: stop the program that uses it, or set REDIS_PORT in .dev/env"
    STARTED+=(stop_dev_redis)
    start_redis "$DEV_DIR/redis" "$REDIS_PORT"
  fi
  password=$(cat "$DEV_DIR/redis/password")
  export REDIS_URL="redis://:$password@127.0.0.1:$REDIS_PORT"
}

# narrow_hosts: lets the components reach only the stores of the settings.
narrow_hosts() {
  local catalog tenants redis=${REDIS_URL:-redis://$REDIS_HOST}
  catalog=$(host_of postgres "$MASTER_DATABASE_URL" 5432)
  tenants=$(host_of postgres "$TENANT_DATABASE_TEMPLATE" 5432)
  if [ "$catalog" = "$tenants" ]; then
    export ALLOWED_POSTGRES_HOSTS=${ALLOWED_POSTGRES_HOSTS:-$catalog}
  else
    # One pattern must match both.
    export ALLOWED_POSTGRES_HOSTS=${ALLOWED_POSTGRES_HOSTS:-postgres://*:*}
  fi
  export ALLOWED_REDIS_HOSTS=${ALLOWED_REDIS_HOSTS:-$(host_of "${redis%%://*}" "$redis" 6379)}
}

stop_started() {
  local index
  trap - EXIT
  for ((index = ${#STARTED[@]} - 1; index >= 0; index--)); do
    "${STARTED[index]}" || true
  done
}

migrate() {
  say "migrating"
  target/tools/tenantctl doctor --settings >/dev/null || fail "a setting is invalid"
  target/tools/tenantctl migrate >"$DEV_DIR/migrate.log" || fail "the migration failed"
}

# serve: runs the application in the foreground, and prints its addresses and credentials.
serve() {
  local host=${HOST:-127.0.0.1} port=${PORT:-8002} reach listen spin
  host=${host#[}
  host=${host%]}
  case $host in
    0.0.0.0 | localhost) reach=127.0.0.1 ;;
    ::) reach=::1 ;;
    *) reach=$host ;;
  esac
  case $host in
    localhost) listen=127.0.0.1:$port ;;
    *:*) listen=[$host]:$port ;;
    *) listen=$host:$port ;;
  esac
  if (exec 3<>"/dev/tcp/$reach/$port") 2>/dev/null; then
    fail "port $port is in use: stop the program that uses it, or choose another port: PORT=8003 ./dev up"
  fi
  export_variables
  spin=$(find_spin)
  local options=(--from spin.toml --runtime-config-file runtime-config.toml --state-dir "$DEV_DIR/state" --listen "$listen"
    --max-instance-reuse-count 4096)
  if [ -n "$spin" ]; then
    say "starting the application on $("$spin" --version | cut -d' ' -f1,2)"
    "$spin" up "${options[@]}" >"$DEV_DIR/application.log" 2>&1 &
  else
    say "starting the application on tools/runner (Spin 4.1 is not installed)"
    target/tools/runner "${options[@]}" >"$DEV_DIR/application.log" 2>&1 &
  fi
  echo $! >"$DEV_DIR/application.pid"
  STARTED+=(stop_application)
  wait_until_healthy "$!" "$reach" "$port"
  deliver_mail
  case $reach in
    *:*) reach=[$reach] ;;
  esac
  cat <<READY

    The service is at  http://$reach:$port
    Admin key          $ADMIN_API_KEY
    PostgreSQL         $MASTER_DATABASE_URL
    Redis              ${REDIS_URL:-redis://$REDIS_HOST}
    Log                .dev/application.log
    Try
      curl http://$reach:$port/admin/tenants -H 'Authorization: Bearer $ADMIN_API_KEY'

    Ctrl-C stops everything.
READY
  wait "$(cat "$DEV_DIR/application.pid")" || fail "the application ended: $(tail -n 1 "$DEV_DIR/application.log")"
}

# deliver_mail: writes messages to users into .dev/mail, and prints their links.
deliver_mail() {
  case ${MAIL_TRANSPORT:-none} in none | http) return ;; esac
  target/tools/tenantctl mail deliver --follow --to-directory "$DEV_DIR/mail" > >(tee "$DEV_DIR/mail.log") 2>&1 &
  echo $! >"$DEV_DIR/mail.pid"
  STARTED+=(stop_mail)
  say "writing messages to users into .dev/mail"
}

# stop_mail: stops the delivery of the PID file, if the process is still the delivery.
stop_mail() {
  local pid
  pid=$(cat "$DEV_DIR/mail.pid" 2>/dev/null) || return 0
  if [[ "$(command_of "$pid")" == *"mail deliver"* ]]; then kill "$pid" 2>/dev/null || true; fi
  rm -f "$DEV_DIR/mail.pid"
}

# stop_application: stops the application of the PID file, if the process is still the application.
stop_application() {
  local pid
  pid=$(cat "$DEV_DIR/application.pid" 2>/dev/null) || return 0
  if [[ "$(command_of "$pid")" == *"--from spin.toml"* ]]; then
    kill "$pid" 2>/dev/null || true
    for _ in $(seq 100); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.05
    done
  fi
  rm -f "$DEV_DIR/application.pid"
}

# wait_until_healthy PROCESS HOST PORT: waits until /health returns 200. At its first start the host compiles the
# components, which takes minutes on a busy machine.
wait_until_healthy() {
  local end=$((SECONDS + 300))
  while [ "$SECONDS" -lt "$end" ]; do
    kill -0 "$1" 2>/dev/null || fail "the application did not start: $(tail -n 3 "$DEV_DIR/application.log")"
    if [[ "$(status_line "$2" "$3" /health 2>/dev/null)" == *" 200 "* ]]; then return; fi
    sleep 0.1
  done
  fail "the application did not respond within five minutes (log: .dev/application.log)"
}

# status_line HOST PORT PATH: prints the first line of the response to a GET, without curl.
status_line() {
  local line
  exec 3<>"/dev/tcp/$1/$2"
  printf 'GET %s HTTP/1.1\r\nHost: localhost:%s\r\nConnection: close\r\n\r\n' "$3" "$2" >&3
  IFS= read -r -t 5 line <&3
  echo "$line"
  exec 3>&-
}
