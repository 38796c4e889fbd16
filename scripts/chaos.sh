# The chaos load: its requirements and its build.

# The options in ./dev test. With start and checks, such a run takes about 85 s.
CHAOS_OF_TESTS=(--seconds 60 --hosts 2)

# chaos ARGUMENT...: builds everything and runs the load with faults.
chaos() {
  setup_toolchain
  install_servers
  build_components
  build_tools --package e2e
  build_host
  SPIN=$(find_spin)
  export SPIN
  target/tools/chaos "$@"
}

# check_chaos: the run of ./dev test. Prints its summary, or all evidence after a failure.
check_chaos() {
  check "chaos ${CHAOS_OF_TESTS[*]}" target/tools/chaos "${CHAOS_OF_TESTS[@]}"
  sed -n 's/^chaos:/    &/p' "$DEV_DIR/check.log"
}
