# The build: components for wasm, tools for this machine.

COMPONENTS=(account admin auth tenant health outbound gate)
WASM_DIR=target/wasm32-wasip2/release

# run_cargo STEP ARGUMENT...: runs cargo, which prints its own errors.
run_cargo() {
  say "$1"
  shift
  cargo "$@" --quiet || fail "cargo $* failed"
}

# build_components [PACKAGE...]: builds the components, and more packages for wasm. Cargo optimises across crates (LTO)
# only if the crate type is cdylib and nothing else. The tests need the crate as an rlib, too. A component can have
# options of its own in build.toml.
build_components() {
  local component size options
  for component in "${COMPONENTS[@]}" "$@"; do
    options=()
    [ ! -e "components/$component/build.toml" ] || options=(--config "components/$component/build.toml")
    run_cargo "building the component $component for wasm32-wasip2" \
      rustc --locked --release "${options[@]}" --target wasm32-wasip2 --package "$component" --crate-type cdylib
  done
  for component in "${COMPONENTS[@]}"; do
    size=$(wc -c <"$WASM_DIR/$component.wasm")
    printf '    %-8s %5d kB\n' "$component" $((size / 1000))
    # The host compiles the component at its start: 119 kB more took 3% longer. The time of a request does not depend on
    # the size.
    [ "$size" -lt 3750000 ] || fail "the component $component is larger than 3.75 MB"
  done
  # An application of the template has the gate in its own folder.
  cp "$WASM_DIR/gate.wasm" templates/tenancy-app/content/
}

# in_runner COMMAND...: runs a command in the workspace of the runner. Its cargo uses the same target folder.
in_runner() { (cd tools/runner && "$@"); }

# build_host: builds the runner if there is no Spin.
build_host() {
  local spin step="building the runner"
  spin=$(find_spin)
  [ -z "$spin" ] || return 0
  [ -e target/tools/runner ] || step+=", with a wasm runtime (the first time takes minutes)"
  in_runner run_cargo "$step" build --locked --profile tools
}

# build_tools [--package NAME]: builds the tools and additional packages.
build_tools() {
  run_cargo "building the tools" build --locked --profile tools --package tenantctl "$@"
}

build_application() {
  build_components
  build_tools
  build_host
}
