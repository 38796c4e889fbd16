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
  build_tools --package bench
  # With the profile that a service would be shipped with: it is what the application is held against.
  run_cargo "building the native service" build --locked --release --package native
  SPIN=$(find_spin)
  export SPIN
  target/tools/bench "$@"
}
