# Spin, the host of the application. Without Spin, tools/runner is the host.

# The release that ./dev up offers and that the image of the service contains. deploy/spinkube/tenancy.yaml names it, too. Its
# file checksums-vVERSION.txt has the SHA-256 of each archive.
SPIN_RELEASE=4.2.1

# spin_archive: prints the name and the SHA-256 of the release's archive for this machine, or nothing.
spin_archive() {
  case "$(uname -s) $(uname -m)" in
    "Linux x86_64")
      echo "spin-v$SPIN_RELEASE-linux-amd64.tar.gz 60cb9f78312acc577a1b839740dc932f2647f438461734bb96a1e374bcf6a3d1"
      ;;
    "Linux aarch64")
      echo "spin-v$SPIN_RELEASE-linux-aarch64.tar.gz 199f55510c534cd71aaf589dcd010f19162614696830ddbdb938739c39d71b39"
      ;;
  esac
}

# spin_is_recent PATH: succeeds if it is Spin 4.1 or newer.
spin_is_recent() {
  local version
  version=$("$1" --version 2>/dev/null | sed -n 's/^spin \([0-9]*\.[0-9]*\).*/\1/p')
  [ -n "$version" ] && [ "$(printf '4.1\n%s\n' "$version" | sort -V | head -n 1)" = 4.1 ]
}

# find_spin: prints the path of Spin 4.1 or newer, from SPIN, PATH or .dev/spin. Prints nothing if there is none.
find_spin() {
  local spin
  if [ -n "${SPIN:-}" ]; then
    spin_is_recent "$SPIN" || fail "SPIN=$SPIN is not Spin 4.1 or newer"
    echo "$SPIN"
    return
  fi
  for spin in "$(command -v spin)" "$DEV_DIR/spin/spin"; do
    if spin_is_recent "$spin"; then
      echo "$spin"
      return
    fi
  done
}

# offer_spin: before the first build of the runner, asks on a terminal whether to install Spin instead.
offer_spin() {
  local spin archive answer
  spin=$(find_spin)
  read -r -a archive < <(spin_archive) || return 0
  if [ -n "$spin" ] || [ -e target/tools/runner ] || ! [ -t 0 ] || [ -n "${CI:-}" ] || ! have curl; then return; fi
  say "Spin 4.1 or newer is missing. Without it, tools/runner is built, which takes minutes."
  read -r -p "    Install Spin $SPIN_RELEASE in .dev/spin? [Y/n] " answer || return 0
  case $answer in
    [nN]*) ;;
    *) install_spin "${archive[@]}" || true ;;
  esac
}

# install_spin ARCHIVE CHECKSUM: downloads the archive of the release and installs Spin in .dev/spin.
install_spin() {
  local folder="$DEV_DIR/spin" new="$DEV_DIR/spin.new" error=
  say "downloading Spin $SPIN_RELEASE"
  rm -rf "$new"
  mkdir -p "$new"
  if ! curl -fsSL --proto '=https' --connect-timeout 10 --max-time 600 -o "$new/$1" \
    "https://github.com/spinframework/spin/releases/download/v$SPIN_RELEASE/$1" 2>"$DEV_DIR/spin.log"; then
    error="Spin cannot be downloaded ($(tail -n 1 "$DEV_DIR/spin.log"))"
  elif ! (cd "$new" && echo "$2  $1" | sha256sum --check --status); then
    error="the downloaded archive has a wrong checksum"
  elif ! tar -xzf "$new/$1" -C "$new" spin || ! spin_is_recent "$new/spin"; then
    error="the downloaded Spin does not run on this machine"
  else
    rm -rf "$folder"
    mkdir "$folder"
    mv "$new/spin" "$folder/"
  fi
  rm -rf "$new"
  [ -z "$error" ] || say "$error: using tools/runner"
}
