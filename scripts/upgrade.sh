# The upgrade test: the previous release is built, and its data is upgraded under load.

# The previous release as long as no tag exists: the last commit before the changes that CHANGELOG.md lists.
BEFORE_THE_FIRST_TAG=a5a5011d3e2bd1e649c05092003a3947d7aab05e

# previous_release: prints the newest tag of a release before this commit, or the fixed commit.
previous_release() {
  git describe --tags --abbrev=0 --match 'v[0-9]*' HEAD^ 2>/dev/null || echo "$BEFORE_THE_FIRST_TAG"
}

# build_release REF: builds a release from its own source, and sets PREVIOUS_RELEASE to the folder with its manifest, its
# components and its tenantctl. A later run uses the folder again.
build_release() {
  local ref=$1 commit source package
  git rev-parse --git-dir >/dev/null 2>&1 || fail "this folder is no clone: the upgrade test needs the source of the previous release"
  commit=$(git rev-parse --quiet --verify "$ref^{commit}") || fail "this clone does not have $ref: $(how_to_fetch)"
  git cat-file -e "$commit:spin.toml" 2>/dev/null || fail "$ref has no spin.toml"
  PREVIOUS_RELEASE=$DEV_DIR/upgrade/$commit
  export PREVIOUS_RELEASE
  if [ -e "$PREVIOUS_RELEASE/tenantctl" ]; then return; fi
  source=$DEV_DIR/upgrade/source
  # The sources of another release are removed; compiled dependencies stay.
  find "$source" -mindepth 1 -maxdepth 1 ! -name target -exec rm -rf {} + 2>/dev/null || true
  mkdir -p "$source"
  git archive "$commit" | tar -x -C "$source"
  for package in $(release_components "$source/spin.toml"); do
    (cd "$source" && run_cargo "building the component $package of $ref" \
      rustc --locked --release --target wasm32-wasip2 --package "$package" --crate-type cdylib)
  done
  (cd "$source" && run_cargo "building tenantctl of $ref" build --locked --profile tools --package tenantctl)
  rm -rf "$PREVIOUS_RELEASE"
  mkdir -p "$PREVIOUS_RELEASE/$WASM_DIR"
  cp "$source/spin.toml" "$PREVIOUS_RELEASE/"
  for package in $(release_components "$source/spin.toml"); do
    cp "$source/$WASM_DIR/$package.wasm" "$PREVIOUS_RELEASE/$WASM_DIR/"
  done
  # Last, because it marks a complete folder.
  cp "$source/target/tools/tenantctl" "$PREVIOUS_RELEASE/"
}

# release_components MANIFEST: prints the packages of a manifest's components.
release_components() { sed -n "s,^source = \"$WASM_DIR/\(.*\)\.wasm\"\$,\1,p" "$1"; }

# how_to_fetch: prints the command that brings the missing history into the clone.
how_to_fetch() {
  if [ "$(git rev-parse --is-shallow-repository)" = true ]; then
    echo "run git fetch --unshallow --tags"
  else
    echo "run git fetch --tags"
  fi
}

# upgrade_checks [REF]: upgrades the data of a release to this working tree. The default is the previous release.
upgrade_checks() {
  setup_toolchain
  install_servers
  build_release "${1:-$(previous_release)}"
  build_application
  SPIN=$(find_spin)
  export SPIN
  run_tests "upgrade from ${1:-$(previous_release)}" . --package e2e --test upgrade -- --nocapture
  report
}
