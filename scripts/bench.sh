# The benchmark: its requirements and its build.

# find_load_tools: installs wrk, which generates the load, and OpenSSL, whose hash is a reference.
find_load_tools() {
  if have wrk && have openssl; then return; fi
  is_debian || fail "wrk or OpenSSL is missing: install both"
  install_packages "the benchmark" wrk openssl
}

# KiB for the files of a thousand tenants, and the free memory that is required: the same amount again for other uses.
BENCH_FILES=10000000
BENCH_MEMORY=20000000

# memory_folder: prints a folder in memory with room for the files of the benchmark, or nothing. The servers need not
# survive a crash of the machine, and a disk with other writers would distort the measurements.
memory_folder() {
  local available free
  available=$(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo 2>/dev/null || true)
  free=$(df -kP /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 }' || true)
  if [ "${available:-0}" -ge "$BENCH_MEMORY" ] && [ "${free:-0}" -ge "$BENCH_FILES" ]; then echo /dev/shm; fi
}

# bench ARGUMENT...: builds everything and runs the benchmark.
bench() {
  local folder
  setup_toolchain
  install_servers
  find_load_tools
  build_components floor
  run_cargo "building the benchmark" build --locked --profile tools --package tenantctl --package bench
  # The release profile, because the application is compared with it.
  run_cargo "building the native service" build --locked --release --package native
  SPIN=$(find_spin)
  export SPIN
  if [ -z "$SPIN" ]; then
    in_runner run_cargo "building the runner with the profile of an installed host (the first time takes minutes)" \
      build --locked --profile host
    export RUNNER=$PWD/target/host/runner
  fi
  if [ -z "${TMPDIR:-}" ]; then
    folder=$(memory_folder)
    if [ -n "$folder" ]; then
      say "keeping the files of the servers in memory"
      export TMPDIR=$folder
    fi
  fi
  target/tools/bench "$@"
}
