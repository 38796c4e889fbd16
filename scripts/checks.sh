# Every check of the project. Tests start servers of their own.

# How many checks there were; each test program adds its own count.
PASSED=0
FAILED=0
SKIPPED=0

# check NAME COMMAND...: runs it, and counts how it went.
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

# run_tests ARGUMENT...: cargo test, with what it prints, and its counts added.
run_tests() {
  local log="$DEV_DIR/test.log" before=$FAILED
  say "tests"
  # Most tests wait most of the time: for hashes, for servers, for what is written a little later.
  export RUST_TEST_THREADS=${RUST_TEST_THREADS:-10}
  cargo test --locked --profile tools --no-fail-fast "$@" 2>&1 | tee "$log" | grep -vE '^(test .* \.\.\. ok|running [0-9]+ tests?|test result: ok. 0 passed; 0 failed; 0 ignored.*|)$' || true
  local passed failed ignored
  while read -r passed failed ignored; do
    PASSED=$((PASSED + passed))
    FAILED=$((FAILED + failed))
    SKIPPED=$((SKIPPED + ignored))
  done < <(sed -n 's/^test result: .* \([0-9]*\) passed; \([0-9]*\) failed; \([0-9]*\) ignored.*/\1 \2 \3/p' "$log")
  # What does not compile has no result to count.
  if [ "$FAILED" -eq "$before" ] && grep -qE '^error' "$log"; then FAILED=$((FAILED + 1)); fi
}

# find_python: a Python that has httpx, for the examples of the README.
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

# find_nginx: nginx, for the example of a gateway.
find_nginx() {
  PATH="$PATH:/usr/sbin"
  export PATH
  if have nginx; then return; fi
  is_debian || fail "nginx is missing: install it"
  install_packages "the example of a gateway" nginx
}

# find_promtool: promtool, which knows what Prometheus takes.
find_promtool() {
  if have promtool; then return; fi
  is_debian || fail "promtool is missing: install Prometheus"
  install_packages "the check of the metrics" prometheus
}

# find_browser: Chromium without a window, and what drives it, for the page of the documentation.
find_browser() {
  if have chromedriver && { have chromium || have google-chrome; }; then return; fi
  is_debian || fail "Chromium and chromedriver are missing: install them"
  install_packages "the page of the documentation" chromium chromium-driver
}

# find_contract_tools: what holds the application against its description, in the versions that
# tests/contract names.
find_contract_tools() {
  local folder="$DEV_DIR/contract" wanted
  if ! have npm; then
    is_debian || fail "Node.js is missing: install it, with npm"
    install_packages "the linter of the description" nodejs npm
  fi
  wanted=$(cat tests/contract/{package-lock.json,requirements.txt} | sha256sum)
  if [ "$(cat "$folder/ready" 2>/dev/null)" != "$wanted" ]; then
    say "installing redocly and schemathesis (once)"
    rm -rf "$folder"
    mkdir -p "$folder"
    cp tests/contract/package*.json "$folder/"
    (cd "$folder" && npm ci --no-audit --no-fund) >"$DEV_DIR/contract.log" 2>&1 ||
      fail "npm ci failed (all it said: $DEV_DIR/contract.log)"
    if ! "$PYTHON" -m venv "$folder/python" >"$DEV_DIR/contract.log" 2>&1; then
      is_debian || fail "Python cannot make a virtual environment: $DEV_DIR/contract.log"
      install_packages "schemathesis" python3-venv
      "$PYTHON" -m venv --clear "$folder/python" >"$DEV_DIR/contract.log" 2>&1 ||
        fail "Python cannot make a virtual environment: $DEV_DIR/contract.log"
    fi
    "$folder/python/bin/pip" install -q -r tests/contract/requirements.txt >"$DEV_DIR/contract.log" 2>&1 ||
      fail "pip install failed (all it said: $DEV_DIR/contract.log)"
    echo "$wanted" >"$folder/ready"
  fi
  export REDOCLY="$folder/node_modules/.bin/redocly" SCHEMATHESIS="$folder/python/bin/schemathesis"
  # Neither asks anybody for a newer version, nor tells anybody of this run.
  export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true
}

# has_cargo_deny: whether cargo-deny is there, or can be built here.
has_cargo_deny() {
  export PATH="$DEV_DIR/cargo/bin:$PATH"
  have cargo-deny && return
  say "building cargo-deny (once)"
  cargo install --quiet --locked --root "$DEV_DIR/cargo" cargo-deny@0.20.2
}

# has_linters: whether rustfmt and clippy are there; Debian has them for its own toolchain.
has_linters() {
  if ! cargo fmt --version >/dev/null 2>&1 || ! cargo clippy --version >/dev/null 2>&1; then
    is_debian && [ "$(command -v cargo)" = "$DEV_DIR/toolchain/bin/cargo" ] || return 1
    install_packages "the linters" rustfmt-web rust-web-clippy
  fi
  cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1
}

checks() {
  local component packages=() native=(--workspace --exclude runner-guest)
  setup_toolchain
  install_servers
  find_python
  find_nginx
  find_promtool
  find_browser
  find_contract_tools
  build_components --package runner-guest --package floor
  # All at once, for the features of a dependency follow from what is built together.
  run_cargo "building the tools and the tests" build --locked --profile tools "${native[@]}" --all-targets
  SPIN=$(find_spin)
  export SPIN INSTA_UPDATE=no

  if has_cargo_deny; then
    check "licences and sources of dependencies" cargo deny --log-level error check bans licenses sources
  else
    skip "licences and sources of dependencies" "cargo-deny cannot be built here"
  fi
  if has_linters; then
    for component in "${COMPONENTS[@]}"; do packages+=(--package "$component"); done
    packages+=(--package floor)
    check "rustfmt" cargo fmt --all --check
    check "clippy" cargo clippy --locked --profile tools "${native[@]}" --all-targets --quiet -- -D warnings
    check "clippy for wasm" cargo clippy --locked --release --target wasm32-wasip2 "${packages[@]}" --quiet -- -D warnings
  else
    skip "rustfmt and clippy" "this toolchain has none; rustup's has"
  fi
  run_tests "${native[@]}"
  check_chaos
  echo
  echo "$PASSED passed, $FAILED failed, $SKIPPED skipped"
  [ "$FAILED" -eq 0 ]
}
