# The documentation site, with mdBook.

MDBOOK=0.5.4

# find_mdbook: finds mdBook in the version of the project, or builds it.
find_mdbook() {
  export PATH="$DEV_DIR/cargo/bin:$PATH"
  [ "$(mdbook --version 2>/dev/null)" = "mdbook v$MDBOOK" ] && return
  run_cargo "building mdBook (once)" install --locked --root "$DEV_DIR/cargo" "mdbook@$MDBOOK" \
    --no-default-features --features search
}

# site: builds the documentation site into target/book, and checks its links. REPOSITORY is the address of files that are
# not part of the site.
site() {
  local repository=${REPOSITORY:-${GITHUB_SERVER_URL:-https://github.com}/${GITHUB_REPOSITORY:-OWNER/REPOSITORY}}
  setup_toolchain
  find_python
  find_mdbook
  rm -rf target/book-source target/book
  "$PYTHON" scripts/site.py source docs target/book-source "$repository"
  say "building the site"
  mdbook build --dest-dir "$PWD/target/book" target/book-source
  "$PYTHON" scripts/site.py check target/book "$repository"
  say "the site is in target/book/index.html"
}
