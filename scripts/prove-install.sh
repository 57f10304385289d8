#!/usr/bin/env bash
# Proves what `make build` and `make install` leave, in bare Debian 12 systems without a Swift toolchain: that the demo runs
# there, and that the unit runs a sealed frame, reloads, comes back after a kill, and stops. Takes some minutes, needs root, the
# network, and a release that is built.
#
#   scripts/prove-install.sh
#   PROVE=/var/tmp/prove scripts/prove-install.sh    where the systems are made and kept (.build/prove)
set -euo pipefail
cd "$(dirname "$0")/.."

where=$(realpath -m "${PROVE:-.build/prove}")
frame=${FRAME:-.build/release/frame}
mirror=${MIRROR:-http://deb.debian.org/debian}
# What Debian 12 has beyond its smallest system that the binary needs. docs/on_a_server.md names it.
needs=libsqlite3-0

say() { printf '\n== %s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

[ "$(id -u)" -eq 0 ] || die "debootstrap, chroot and systemd-nspawn need root; run it with sudo"
[ -x "$frame" ] || die "there is no $frame; run make build first"
missing=()
for tool in debootstrap systemd-nspawn systemd-analyze unshare; do command -v "$tool" >/dev/null || missing+=("$tool"); done
[ "${#missing[@]}" -eq 0 ] \
  || die "${missing[*]} missing; run: apt-get install debootstrap systemd systemd-container util-linux"

# A system is made once and kept: it is Debian's, ours is installed anew each time.
system() {
  local root=$where/$1
  shift
  [ -e "$root/.made" ] && return
  rm -rf -- "$root"
  mkdir -p "$where"
  debootstrap --variant=minbase "$@" bookworm "$root" "$mirror" >"$where/debootstrap.log" 2>&1 \
    || die "debootstrap failed; see $where/debootstrap.log"
  touch "$root/.made"
}

say "a bare Debian 12, and one that boots"
system bare
system booted --include="systemd,systemd-sysv,$needs"
bare=$where/bare
booted=$where/booted
if find "$bare" -xdev -name 'libswift*' -o -xdev -name 'swift*' -type f -perm -u+x | grep -q .; then
  die "$bare has a part of a Swift toolchain"
fi

say "what the binary needs"
DESTDIR=$bare PREFIX=/usr/local scripts/install.sh
libraries=$(chroot "$bare" ldd /usr/local/bin/frame)
if ! grep -q 'not found' <<<"$libraries" && ! chroot "$bare" dpkg-query -W "$needs" >/dev/null 2>&1; then
  die "the smallest system has everything: docs/on_a_server.md need not name $needs"
fi
chroot "$bare" sh -c "apt-get update -q && apt-get install -y -q --no-install-recommends $needs" >"$where/apt.log" 2>&1 \
  || die "apt-get failed; see $where/apt.log"
libraries=$(chroot "$bare" ldd /usr/local/bin/frame)
printf '%s\n' "$libraries"
! grep -q 'not found' <<<"$libraries" || die "with $needs there are still libraries missing"
! grep -qi swift <<<"$libraries" || die "the binary needs the Swift runtime beside it"
printf 'size of the binary: %s bytes\n' "$(stat -c %s "$bare/usr/local/bin/frame")"

say "frame demo --once"
rm -rf -- "$bare/tmp/frames"
# A network of its own, so that the demo's ports are free; /proc, for the process metrics.
started=$(date +%s%N)
unshare --mount --net --fork -- bash -euo pipefail -c '
  ip link set lo up
  mount -t proc proc "$1/proc"
  chroot "$1" /usr/local/bin/frame demo --once --data /tmp/frames
' _ "$bare" || die "the demo failed in $bare"
printf 'took %s ms\n' "$((($(date +%s%N) - started) / 1000000))"

say "the unit"
DESTDIR=$booted PREFIX=/usr/local scripts/install.sh
unit=$booted/usr/local/lib/systemd/system/frame@.service
# What it says counts: it also fails because the system has no man to find the page with that the unit names.
{ chroot "$booted" systemd-analyze verify /usr/local/lib/systemd/system/frame@proof.service 2>&1 || true; } \
  | sed "/Command 'man /d" | tee "$where/verify.log"
[ ! -s "$where/verify.log" ] || die "systemd-analyze verify has something to say of $unit"
systemd-analyze security --offline=true --no-pager "$unit" | tail -n 1

say "a frame under the unit"
install -m 0755 scripts/prove-unit.sh "$booted/root/prove-unit.sh"
cat >"$booted/etc/systemd/system/prove.service" <<'UNIT'
[Unit]
After=basic.target
[Service]
Type=oneshot
ExecStart=/root/prove-unit.sh
StandardOutput=append:/root/prove.log
StandardError=append:/root/prove.log
ExecStopPost=/bin/sh -c 'echo "$EXIT_STATUS" >/root/prove.status; systemctl poweroff --no-block'
[Install]
WantedBy=multi-user.target
UNIT
rm -rf -- "$booted"/root/prove.{log,status} "$booted/var/lib/frame"
ln -sf ../prove.service "$booted/etc/systemd/system/multi-user.target.wants/prove.service"
timeout 300 systemd-nspawn --quiet --register=no --keep-unit --private-network --directory "$booted" --boot \
  </dev/null >"$where/boot.log" 2>&1 || true
cat "$booted/root/prove.log" 2>/dev/null || die "the system did not boot; see $where/boot.log"
[ "$(cat "$booted/root/prove.status" 2>/dev/null)" = 0 ] || die "the unit is not as it should be; see $where/boot.log"

say "all of it holds"
