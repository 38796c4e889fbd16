# The bench: what it needs, and how it is built.

# find_load_tools: wrk, which makes the load, and OpenSSL, whose hash is a measure.
find_load_tools() {
  if have wrk && have openssl; then return; fi
  is_debian || fail "wrk and OpenSSL are missing: install them"
  install_packages "the bench" wrk openssl
}

# What a thousand tenants take as files, in KiB, and as much again for everything else.
BENCH_FILES=10000000
BENCH_MEMORY=20000000

# memory_folder: a folder in memory that has room for what the bench writes; nothing without. A crash of
# the machine costs its servers nothing, so a disk that others write to, too, is no part of what is
# measured.
memory_folder() {
  local available free
  available=$(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo 2>/dev/null || true)
  free=$(df -kP /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 }' || true)
  if [ "${available:-0}" -ge "$BENCH_MEMORY" ] && [ "${free:-0}" -ge "$BENCH_FILES" ]; then echo /dev/shm; fi
}

# bench ARGUMENT...: builds everything, and runs the table.
bench() {
  local folder
  setup_toolchain
  install_servers
  find_load_tools
  build_components --package floor
  run_cargo "building the bench" build --locked --profile tools --package tenantctl --package bench
  # With the profile that a service would be shipped with: it is what the application is held against.
  run_cargo "building the native service" build --locked --release --package native
  SPIN=$(find_spin)
  export SPIN
  if [ -z "$SPIN" ]; then
    run_cargo "building the runner as a host is installed (the first time that takes minutes)" \
      build --locked --profile host --package runner
    export RUNNER=$PWD/target/host/runner
  fi
  if [ -z "${TMPDIR:-}" ]; then
    folder=$(memory_folder)
    if [ -n "$folder" ]; then
      say "the files of the servers are in memory"
      export TMPDIR=$folder
    fi
  fi
  target/tools/bench "$@"
}
