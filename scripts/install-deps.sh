#!/usr/bin/env bash
# Installs what is missing on a Debian machine, says nothing when all is there.
#
#   scripts/install-deps.sh build    what `swift build` needs
#   scripts/install-deps.sh test     that, and what the tests need: promtool, amtool, jq, a Python with prometheus_client,
#                                    Go with x/mod (the tests' second opinion on the log's proofs), nginx with its stream
#                                    module (the SNI map that is exported for it), mandoc (the manual pages)
#
# Needs root or sudo only when something is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

build_packages=(libsqlite3-dev zlib1g-dev libssl-dev git ca-certificates)
test_packages=(
  prometheus prometheus-alertmanager jq curl python3 python3-venv golang-go golang-golang-x-mod-dev openssl nginx
  libnginx-mod-stream mandoc procps
)
# What the Debian packages above start on their own; the tests bring up their own servers on ports of their choice.
services=(prometheus prometheus-alertmanager prometheus-node-exporter nginx)

installed() { dpkg-query -W -f='${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed; }

missing_of() {
  local package
  for package in "$@"; do installed "$package" || printf '%s\n' "$package"; done
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

stop_service() {
  if [ -d /run/systemd/system ]; then
    as_root systemctl disable --now --quiet "$1" || true
  elif [ -x "/etc/init.d/$1" ]; then
    as_root "/etc/init.d/$1" stop >/dev/null 2>&1 || true
  fi
}

install_packages() {
  local wanted=("$@") missing=() fresh=() service log
  # The linker and the C and C++ headers that the Swift toolchain builds with come with g++, whatever its version.
  compgen -G '/usr/include/c++/*' >/dev/null || wanted+=(g++)

  if ! command -v dpkg-query >/dev/null; then
    say "note: not a Debian system; make sure that the equivalents of these are installed: ${wanted[*]}"
    return
  fi
  mapfile -t missing < <(missing_of "${wanted[@]}")
  [ "${#missing[@]}" -gt 0 ] || return 0

  command -v apt-get >/dev/null || die "install these packages first: ${missing[*]}"
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; } \
      || die "these Debian packages are missing: ${missing[*]}
Neither root nor sudo is available here. As root, run:
  apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
  fi

  for service in "${services[@]}"; do installed "$service" || fresh+=("$service"); done
  say "Installing Debian packages: ${missing[*]}"
  log=$(mktemp)
  if ! {
    as_root apt-get update -q \
      && as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
  } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    die "apt-get failed; its whole output is in $log"
  fi
  rm -f "$log"
  for service in "${fresh[@]}"; do
    if installed "$service"; then stop_service "$service"; fi
  done
}

# A virtual environment of our own, made anew when the requirements change.
install_python() {
  local venv=.build-venv requirements=scripts/test-requirements.txt log
  if cmp -s "$requirements" "$venv/requirements.txt" && "$venv/bin/python" -c 'import prometheus_client' 2>/dev/null; then
    return
  fi
  say "Installing Python packages into $venv"
  log=$(mktemp)
  rm -rf "$venv"
  if ! {
    # Debian's own Python first: another one on PATH may lack ensurepip.
    { /usr/bin/python3 -m venv "$venv" || { rm -rf "$venv" && python3 -m venv "$venv"; }; } \
      && "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements"
  } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    rm -rf "$venv"
    die "the Python packages of $requirements could not be installed; the whole output is in $log"
  fi
  rm -f "$log"
  cp "$requirements" "$venv/requirements.txt"
}

check_swift() {
  local version
  command -v swift >/dev/null \
    || die "no swift on PATH; install a Swift 6.2 or newer toolchain from https://www.swift.org/install/linux/"
  version=$(swift --version 2>/dev/null | sed -nE 's/.*Swift version ([0-9]+\.[0-9]+).*/\1/p' | head -n 1)
  [ -n "$version" ] || die "cannot read the version of $(command -v swift); try: swift --version"
  if [ "${version%%.*}" -lt 6 ] || { [ "${version%%.*}" -eq 6 ] && [ "${version#*.}" -lt 2 ]; }; then
    die "Swift $version is too old, 6.2 or newer is needed; get it from https://www.swift.org/install/linux/"
  fi
}

case "${1:-}" in
  build)
    check_swift
    install_packages "${build_packages[@]}"
    ;;
  test)
    check_swift
    install_packages "${build_packages[@]}" "${test_packages[@]}"
    install_python
    ;;
  *)
    say "usage: $0 build|test"
    exit 64
    ;;
esac
