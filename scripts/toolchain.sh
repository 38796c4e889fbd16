# The Rust toolchain for native code and for wasm32-wasip2. In this order: the toolchain on PATH, a target that rustup
# adds to it, Debian's rustc with a std built from its own source. Sets PATH so that `cargo` uses this toolchain.

MINIMUM_RUST=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
DEBIAN_RUSTC=/usr/bin/rustc
DEBIAN_CARGO=/usr/bin/cargo

# rust_is_recent RUSTC: succeeds if its version is MINIMUM_RUST or newer.
rust_is_recent() {
  local version
  version=$("$1" --version 2>/dev/null | awk '{print $2}') || return 1
  [ -n "$version" ] && [ "$(printf '%s\n%s\n' "$MINIMUM_RUST" "$version" | sort -V | head -n 1)" = "$MINIMUM_RUST" ]
}

# has_wasm_std RUSTC: succeeds if it can compile for wasm32-wasip2.
has_wasm_std() {
  local lib
  lib=$("$1" --print target-libdir --target wasm32-wasip2 2>/dev/null) || return 1
  compgen -G "$lib/libstd-*.rlib" >/dev/null
}

use_debian_rust() {
  local bin="$DEV_DIR/toolchain/bin" llvm
  mkdir -p "$bin"
  ln -sf "$DEBIAN_CARGO" "$bin/cargo"
  ln -sf "$DEBIAN_RUSTC" "$bin/rustc"
  ln -sf /usr/bin/rustdoc "$bin/rustdoc"
  ln -sf "$("$DEBIAN_RUSTC" --print sysroot)/lib/rustlib/x86_64-unknown-linux-gnu/bin/wasm-component-ld" "$bin/wasm-component-ld"
  llvm=$("$DEBIAN_RUSTC" -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
  ln -sf "/usr/lib/llvm-$llvm/bin/wasm-ld" "$bin/wasm-ld"
  export PATH="$bin:$PATH"
}

# debian_wasm_stamp: prints the path of the file with the release for which the std was built.
debian_wasm_stamp() { echo "$("$DEBIAN_RUSTC" --print sysroot)/lib/rustlib/wasm32-wasip2/built-for"; }

debian_wasm_is_ready() {
  [ -x "$DEBIAN_RUSTC" ] && [ -x "$DEBIAN_CARGO" ] && rust_is_recent "$DEBIAN_RUSTC" && has_wasm_std "$DEBIAN_RUSTC" &&
    [ "$(cat "$(debian_wasm_stamp)" 2>/dev/null)" = "$("$DEBIAN_RUSTC" --version)" ]
}

install_debian_rust() {
  local package
  for package in rustup rustc cargo; do
    if is_installed "$package"; then
      fail "Debian's package '$package' conflicts with rustc-web. Remove it (apt-get remove $package), or use rustup: rustup target add wasm32-wasip2"
    fi
  done
  install_packages "Rust, because rustup cannot add wasm32-wasip2" \
    ca-certificates gcc libc6-dev rustc-web cargo-web rust-web-src rust-web-llvm wasi-libc
  rust_is_recent "$DEBIAN_RUSTC" || fail "Debian's $("$DEBIAN_RUSTC" --version) is older than $MINIMUM_RUST; install rustup (https://rustup.rs), then: rustup target add wasm32-wasip2"
  local llvm
  llvm=$("$DEBIAN_RUSTC" -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
  install_packages "the wasm linker" "lld-$llvm"
}

# Debian ships only the source of the std for wasm32-wasip2. An empty crate that is built with -Zbuild-std produces the
# std.
build_debian_wasm_std() {
  say "building the standard library for wasm32-wasip2 (once on this machine, about a minute)"
  local work target_dir
  work=$(mktemp -d)
  mkdir -p "$work/src"
  printf '[package]\nname = "empty"\nversion = "0.0.0"\nedition = "2024"\n' >"$work/Cargo.toml"
  : >"$work/src/lib.rs"
  # lto = "fat" requires a std with bitcode.
  (cd "$work" && RUSTC_BOOTSTRAP=1 RUSTC=$DEBIAN_RUSTC RUSTFLAGS=-Cembed-bitcode=yes CARGO_TARGET_DIR="$work/target" \
    "$DEBIAN_CARGO" build --release --target wasm32-wasip2 -Zbuild-std=std,panic_abort >"$DEV_DIR/build-std.log" 2>&1) || {
    tail -n 20 "$DEV_DIR/build-std.log" >&2
    rm -rf "$work"
    fail "building the standard library for wasm32-wasip2 failed"
  }
  target_dir=$("$DEBIAN_RUSTC" --print target-libdir --target wasm32-wasip2)
  rm -f "$work"/target/wasm32-wasip2/release/deps/libempty-*.rlib
  as_root mkdir -p "$target_dir/self-contained"
  as_root rm -f "$target_dir"/*.rlib
  as_root cp "$work"/target/wasm32-wasip2/release/deps/*.rlib "$target_dir/"
  as_root cp /usr/lib/wasm32-wasi/{libc.a,crt1-command.o,crt1-reactor.o} "$target_dir/self-contained/"
  "$DEBIAN_RUSTC" --version | as_root tee "$(debian_wasm_stamp)" >/dev/null
  rm -rf "$work"
}

require_linker() {
  if ! have cc; then
    is_debian || fail "a C linker is missing: install gcc (or clang) and the C library's headers"
    install_packages "the linker" gcc libc6-dev
  fi
}

# setup_native_toolchain: puts a `cargo` on PATH that builds native programs. It needs no target for WebAssembly.
setup_native_toolchain() {
  require_linker
  if ! { have cargo && have rustc && rust_is_recent rustc; }; then setup_toolchain; fi
}

# in_time SECONDS COMMAND...: ends a command after this time. macOS has no `timeout`, so the command has no limit there.
in_time() {
  if have timeout; then timeout "$@"; else "${@:2}"; fi
}

# setup_toolchain: puts a `cargo` on PATH that builds for wasm32-wasip2.
setup_toolchain() {
  require_linker
  if have cargo && have rustc && rust_is_recent rustc && has_wasm_std rustc; then
    return
  fi
  if is_debian && debian_wasm_is_ready; then
    use_debian_rust
    return
  fi
  if have rustup && rust_is_recent rustc; then
    say "adding wasm32-wasip2 with rustup"
    if in_time 300 rustup target add wasm32-wasip2 >"$DEV_DIR/rustup.log" 2>&1 && has_wasm_std rustc; then
      return
    fi
    say "rustup cannot add the target (output: $DEV_DIR/rustup.log)"
  fi
  is_debian || fail "Rust for wasm32-wasip2 is missing. Install rustup (https://rustup.rs), then: rustup toolchain install stable && rustup target add wasm32-wasip2"
  [ "$(uname -m)" = x86_64 ] || fail "Rust for wasm32-wasip2 is missing. Install rustup (https://rustup.rs), then: rustup target add wasm32-wasip2"
  install_debian_rust
  debian_wasm_is_ready || build_debian_wasm_std
  use_debian_rust
}
