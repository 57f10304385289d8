#!/usr/bin/env bash
# Runs as root in the system that scripts/prove-install.sh boots: what docs/on_a_server.md tells an operator to do, and what a
# node must do under its unit.
set -euo pipefail

name=frame-a.example
unit=frame@$name.service
data=/var/lib/frame/$name
export FRAME_DATA=$data
# Where root's shell stands, and the user of the frame may not look.
cd /root

say() { printf -- '- %s\n' "$*"; }
die() {
  printf 'error: %s\n' "$*"
  journalctl --no-pager -n 40 -u "$unit" || true
  exit 1
}
as_frame() { runuser -u frame -- /usr/local/bin/frame "$@"; }
property() { systemctl show --property "$1" --value "$unit"; }

# The whole answer of the ops listener; bash has no HTTP, and the smallest system no client.
fetch() {
  exec 3<>/dev/tcp/127.0.0.1/9464 || return 1
  printf 'GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n' "$1" >&3
  cat <&3
  exec 3<&-
}
ready() { [[ $(fetch /readyz | head -n 1) == *" 200 "* ]]; }
reloaded() { fetch /metrics | grep -q '^frame_sni_reloads_total{result="unchanged"} 1'; }
# Within 30 s.
until_true() {
  local what=$1
  shift
  for _ in $(seq 150); do
    if "$@" 2>/dev/null; then return; fi
    sleep 0.2
  done
  die "$what did not come within 30 s"
}

systemd-sysusers /usr/local/lib/sysusers.d/frame.conf
systemd-tmpfiles --create /usr/local/lib/tmpfiles.d/frame.conf
systemctl daemon-reload

install -o frame -g frame -m 0600 /dev/null /run/frame.passphrase
head -c 32 /dev/urandom | base64 -w 0 >/run/frame.passphrase
install -d -m 0700 /etc/credstore.encrypted
systemd-creds encrypt --name=passphrase /run/frame.passphrase "/etc/credstore.encrypted/frame.$name"
as_frame init --frame-id "$name" --currency AVT --data "$data" --seal-passphrase-file /run/frame.passphrase
sed -i "s#passphrase_file:.*#passphrase_file: /run/credentials/$unit/passphrase#" "$data/frame.yaml"
rm /run/frame.passphrase
say "the frame's keys are sealed, and the passphrase is a credential of the unit"

systemctl enable --quiet --now "$unit"
until_true "/readyz" ready
pid=$(property MainPID)
say "it serves as user $(property User), with $(awk '/^VmRSS:/ {print $2}' "/proc/$pid/status") kB of resident memory"
[ "$(awk '/^Seccomp:/ {print $2}' "/proc/$pid/status")" = 2 ] || die "there is no filter of system calls"
[ "$(awk '/^CapBnd:/ {print $2}' "/proc/$pid/status")" = 0000000000000000 ] || die "it has capabilities"
[ "$(stat -c %a "$data")" = 700 ] || die "others can look into $data"

as_frame issue --amount 100.00
as_frame agent create alice
as_frame transfer --from frame:treasury --to alice --amount 12.50
as_frame audit >/dev/null || die "the audit is not clean"
as_frame backup --to /var/lib/frame/backup >/dev/null
say "commands, an audit and a backup work as user frame beside the running node"

systemctl reload "$unit"
until_true "the reload" reloaded
[ "$(property MainPID)" = "$pid" ] || die "a reload has ended the process"
say "a reload reads frame.yaml again, and the process stays"

kill -KILL "$pid"
until_true "the next start" sh -c "[ \"\$(systemctl show --property MainPID --value '$unit')\" != '$pid' ]"
until_true "/readyz after a kill" ready
as_frame agent show alice --json | grep -q '12.50' || die "the money is not there after a kill"
say "after a kill it is back, with the money"

began=$(date +%s%N)
systemctl stop "$unit"
[ "$(property Result)" = success ] || die "the stop ended with $(property Result)"
say "a stop takes $((($(date +%s%N) - began) / 1000000)) ms and succeeds"

cp "$data/frame.yaml" /root/frame.yaml
echo 'canari: {}' >>"$data/frame.yaml"
systemctl start "$unit" || true
until_true "the refusal" sh -c "[ \"\$(systemctl show --property ActiveState --value '$unit')\" = failed ]"
[ "$(property ExecMainStatus)" = 65 ] || die "a mistake in frame.yaml ended with $(property ExecMainStatus)"
[ "$(property NRestarts)" = 0 ] || die "a mistake in frame.yaml is tried again"
say "a mistake in frame.yaml ends with 65 and is not tried again"
cat /root/frame.yaml >"$data/frame.yaml"

systemctl reset-failed "$unit"
rm "/etc/credstore.encrypted/frame.$name"
systemctl start "$unit" || true
until_true "the refusal" sh -c "[ \"\$(systemctl show --property NRestarts --value '$unit')\" != 0 ] \
  || [ \"\$(systemctl show --property ActiveState --value '$unit')\" = failed ]"
journalctl -u "$unit" --no-pager -n 20 | grep -q '\[key_file_missing\]' || die "a missing passphrase is not told"
systemctl stop "$unit"
say "without its passphrase it says what is missing"
