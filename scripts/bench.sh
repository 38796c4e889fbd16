# The bench: what it needs, and how it is built.

# find_load_tools: wrk, which makes the load, and OpenSSL, whose hash is a measure.
find_load_tools() {
  if have wrk && have openssl; then return; fi
  is_debian || fail "wrk and OpenSSL are missing: install them"
  install_packages "the bench" wrk openssl
}

# bench ARGUMENT...: builds everything, and runs the table.
bench() {
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
  target/tools/bench "$@"
}
