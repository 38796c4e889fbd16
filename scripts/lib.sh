# Functions that ./dev and the other scripts share: messages, packages, ports.

say() { printf '==> %s\n' "$*"; }
fail() {
  printf 'dev: %s\n' "$*" >&2
  exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

is_debian() { have apt-get && have dpkg-query; }

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif have sudo; then
    sudo "$@"
  else
    fail "this command needs root: $* (run it as root, or install sudo)"
  fi
}

# apt_quietly ARGUMENT...: runs apt-get, and shows its output only if it fails.
apt_quietly() {
  local log="$DEV_DIR/apt.log"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -o Dpkg::Options::=--force-confold \
    -o DPkg::Lock::Timeout=120 "$@" >"$log" 2>&1 || {
    tail -n 20 "$log" >&2
    fail "apt-get $* failed (output: $log)"
  }
}

is_installed() { dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }

# install_packages REASON PACKAGE...: installs missing Debian packages. Their services are neither started nor enabled,
# because ./dev runs private instances.
install_packages() {
  local why=$1 missing=() package
  shift
  for package in "$@"; do
    is_installed "$package" || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  say "installing ${missing[*]} ($why)"
  apt_quietly update
  (
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
      # Always allow the machine to start services again.
      trap 'as_root rm -f "$policy"' EXIT
      trap 'exit 130' INT TERM
      printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
      as_root chmod 755 "$policy"
    fi
    # PostgreSQL's package would otherwise create a cluster.
    if [[ " ${missing[*]} " == *" postgresql "* ]] && [ ! -e /etc/postgresql-common/createcluster.conf ]; then
      as_root mkdir -p /etc/postgresql-common
      echo 'create_main_cluster = false' | as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
    fi
    apt_quietly install -y --no-install-recommends "${missing[@]}"
    for package in "${missing[@]}"; do
      case $package in
        postgresql | redis-server | prometheus | pgbouncer | docker-registry)
          if have systemctl; then as_root systemctl disable "$package" >/dev/null 2>&1 || true; fi
          ;;
      esac
    done
  )
}

# command_of PROCESS: prints the command line of a process, or nothing if it does not exist.
command_of() {
  if [ -r "/proc/$1/cmdline" ]; then
    tr '\0' ' ' <"/proc/$1/cmdline"
  else
    ps -p "$1" -o args= 2>/dev/null
  fi
}

# port_is_free PORT: succeeds if no program listens on this loopback port.
port_is_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# free_port [LOWEST]: prints a free port of the 6,000 ports from LOWEST on, below the ephemeral range of the kernel.
free_port() {
  local lowest=${1:-20000} port
  for _ in $(seq 100); do
    port=$((lowest + (RANDOM % 6000)))
    if port_is_free "$port"; then
      echo "$port"
      return
    fi
  done
  fail "found no free port from $lowest on"
}

# random_secret: prints 256 random bits as text that needs no quoting in a URL or a shell.
random_secret() { head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '='; }
