# All checks of the project. Tests start their own servers.

# The counts of checks. Each test program adds its own.
PASSED=0
FAILED=0
SKIPPED=0

# check NAME COMMAND...: runs a command and counts the result.
check() {
  local name=$1
  shift
  say "$name"
  if "$@" >"$DEV_DIR/check.log" 2>&1; then
    PASSED=$((PASSED + 1))
  else
    FAILED=$((FAILED + 1))
    tail -n 100 "$DEV_DIR/check.log"
    say "FAILED: $name"
  fi
}

# skip NAME REASON
skip() {
  SKIPPED=$((SKIPPED + 1))
  say "skipped: $1 ($2)"
}

# run_tests ARGUMENT...: runs cargo test, shows its output and adds its counts.
run_tests() {
  local log="$DEV_DIR/test.log" before=$FAILED
  say "tests"
  # Most tests spend their time waiting for hashes, servers and delayed writes.
  export RUST_TEST_THREADS=${RUST_TEST_THREADS:-10}
  cargo test --locked --profile tools --no-fail-fast "$@" 2>&1 | tee "$log" | grep -vE '^(test .* \.\.\. ok|running [0-9]+ tests?|test result: ok. 0 passed; 0 failed; 0 ignored.*|)$' || true
  local passed failed ignored
  while read -r passed failed ignored; do
    PASSED=$((PASSED + passed))
    FAILED=$((FAILED + failed))
    SKIPPED=$((SKIPPED + ignored))
  done < <(sed -n 's/^test result: .* \([0-9]*\) passed; \([0-9]*\) failed; \([0-9]*\) ignored.*/\1 \2 \3/p' "$log")
  # A compile error has no test results.
  if [ "$FAILED" -eq "$before" ] && grep -qE '^error' "$log"; then FAILED=$((FAILED + 1)); fi
}

# find_python: finds or installs Python with httpx, for the examples of the README.
find_python() {
  if have python3 && python3 -c 'import httpx' 2>/dev/null; then
    PYTHON=python3
  else
    is_debian || fail "Python with httpx is missing: pip install httpx"
    install_packages "the examples of the README" python3 python3-httpx
    PYTHON=/usr/bin/python3
  fi
  export PYTHON
}

# find_nginx: finds or installs nginx, for the gateway example.
find_nginx() {
  PATH="$PATH:/usr/sbin"
  export PATH
  if have nginx; then return; fi
  is_debian || fail "nginx is missing: install it"
  install_packages "the gateway example" nginx
}

# find_prometheus: Prometheus and promtool, which check the metrics, the alert rules and the dashboard.
find_prometheus() {
  if have promtool && have prometheus; then return; fi
  is_debian || fail "Prometheus is missing: install prometheus and promtool"
  install_packages "the metrics tests" prometheus
}

# find_shellcheck: finds or installs ShellCheck.
find_shellcheck() {
  if have shellcheck; then return; fi
  is_debian || fail "ShellCheck is missing: install shellcheck"
  install_packages "the check of the scripts" shellcheck
}

# find_browser: finds or installs headless Chromium and its driver, for the test of the documentation page.
find_browser() {
  if have chromedriver && { have chromium || have google-chrome; }; then return; fi
  is_debian || fail "Chromium or chromedriver is missing: install both"
  install_packages "the test of the documentation page" chromium chromium-driver
}

# find_contract_tools: installs the spelling check and the tools that check the application against its OpenAPI document,
# in the versions of tests/contract.
find_contract_tools() {
  local folder="$DEV_DIR/contract" wanted
  if ! have npm; then
    is_debian || fail "Node.js is missing: install it with npm"
    install_packages "the linter of the OpenAPI document" nodejs npm
  fi
  wanted=$(cat tests/contract/{package-lock.json,requirements.txt} | sha256sum)
  if [ "$(cat "$folder/ready" 2>/dev/null)" != "$wanted" ]; then
    say "installing the checks of the OpenAPI document, its client generators and the spelling check (once)"
    rm -rf "$folder"
    mkdir -p "$folder"
    cp tests/contract/package*.json "$folder/"
    (cd "$folder" && npm ci --no-audit --no-fund) >"$DEV_DIR/contract.log" 2>&1 ||
      fail "npm ci failed (output: $DEV_DIR/contract.log)"
    if ! "$PYTHON" -m venv "$folder/python" >"$DEV_DIR/contract.log" 2>&1; then
      is_debian || fail "Python cannot create a virtual environment (output: $DEV_DIR/contract.log)"
      install_packages "schemathesis" python3-venv
      "$PYTHON" -m venv --clear "$folder/python" >"$DEV_DIR/contract.log" 2>&1 ||
        fail "Python cannot create a virtual environment (output: $DEV_DIR/contract.log)"
    fi
    "$folder/python/bin/pip" install -q -r tests/contract/requirements.txt >"$DEV_DIR/contract.log" 2>&1 ||
      fail "pip install failed (output: $DEV_DIR/contract.log)"
    echo "$wanted" >"$folder/ready"
  fi
  export REDOCLY="$folder/node_modules/.bin/redocly" SCHEMATHESIS="$folder/python/bin/schemathesis"
  # No update checks and no telemetry.
  export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true
}

# has_cargo_deny: succeeds if cargo-deny is installed or can be built.
has_cargo_deny() {
  export PATH="$DEV_DIR/cargo/bin:$PATH"
  have cargo-deny && return
  say "building cargo-deny (once)"
  cargo install --quiet --locked --root "$DEV_DIR/cargo" cargo-deny@0.20.2
}

# has_linters: succeeds if rustfmt and clippy are installed. Debian has packages for its own toolchain.
has_linters() {
  if ! cargo fmt --version >/dev/null 2>&1 || ! cargo clippy --version >/dev/null 2>&1; then
    is_debian && [ "$(command -v cargo)" = "$DEV_DIR/toolchain/bin/cargo" ] || return 1
    install_packages "the linters" rustfmt-web rust-web-clippy
  fi
  cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1
}

# The packages that native code is built for, always in one build: the features of a dependency depend on the packages
# that are built together.
NATIVE=(--workspace --exclude runner-guest)

# check_style: formats and lints.
check_style() {
  local component packages=()
  if ! has_linters; then
    skip "rustfmt and clippy" "missing in this toolchain; rustup provides them"
    return
  fi
  for component in "${COMPONENTS[@]}"; do packages+=(--package "$component"); done
  packages+=(--package floor)
  check "rustfmt" cargo fmt --all --check
  check "clippy" cargo clippy --locked --profile tools "${NATIVE[@]}" --all-targets --quiet -- -D warnings
  check "clippy for wasm" cargo clippy --locked --release --target wasm32-wasip2 "${packages[@]}" --quiet -- -D warnings
}

# report: prints the counts. Succeeds if nothing failed.
report() {
  echo
  echo "$PASSED passed, $FAILED failed, $SKIPPED skipped"
  [ "$FAILED" -eq 0 ]
}

# quick_checks: the checks that need no server.
quick_checks() {
  setup_toolchain
  find_shellcheck
  check "shellcheck" shellcheck --shell=bash --severity=warning dev scripts/* .ci/run
  check_style
  run_tests "${NATIVE[@]}" --lib --bins --test imports --test openapi
  report
}

# matching_tests FILTER...: the end-to-end and durability tests whose names contain a filter.
matching_tests() {
  setup_toolchain
  install_servers
  find_python
  build_components
  run_cargo "building the tools and the tests" build --locked --profile tools "${NATIVE[@]}" --all-targets
  SPIN=$(find_spin)
  export SPIN INSTA_UPDATE=no
  PATH="$PATH:/usr/sbin"
  export PATH
  run_tests --package e2e --test e2e --test durability -- "$@"
  report
}

checks() {
  setup_toolchain
  install_servers
  find_python
  find_nginx
  find_prometheus
  find_shellcheck
  find_browser
  find_contract_tools
  build_components --package runner-guest --package floor
  run_cargo "building the tools and the tests" build --locked --profile tools "${NATIVE[@]}" --all-targets
  SPIN=$(find_spin)
  export SPIN INSTA_UPDATE=no

  if has_cargo_deny; then
    check "licences and sources of dependencies" cargo deny --log-level error check bans licenses sources
  else
    skip "licences and sources of dependencies" "cargo-deny cannot be built"
  fi
  check "shellcheck" shellcheck --shell=bash --severity=warning dev scripts/* .ci/run
  check "typos" "$DEV_DIR/contract/python/bin/typos"
  check_style
  run_tests "${NATIVE[@]}"
  check_chaos
  report
}
