#!/usr/bin/env bash
# Compares the writer with PostgreSQL on the same disk, one after the other: pgbench's TPC-B-like transaction with 8 clients and
# synchronous_commit=on, against `frame bench writer` (Benchmarks/README.md). Nothing of it is part of the tests.
#
#   Benchmarks/pgbench.sh [--seconds N] [--batch N] [--data DIR]
#
# Needs Debian's postgresql-15 (or another server under /usr/lib/postgresql), jq, and a release build of frame. The server is a
# throw-away one: a socket in a temporary folder, no port, gone afterwards; it must not run as root.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)

seconds=10 batch=100 data=${TMPDIR:-/tmp}
while [ $# -gt 0 ]; do
  case $1 in
    --seconds) seconds=$2 ;;
    --batch) batch=$2 ;;
    --data) data=$2 ;;
    *) echo "error: unknown option $1" >&2; exit 64 ;;
  esac
  shift 2
done

bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
[ -n "$bin" ] || { echo "error: no PostgreSQL server found; apt-get install postgresql-15" >&2; exit 1; }
frame=${FRAME:-$here/.build/release/frame}
[ -x "$frame" ] || { echo "error: $frame is not there; run make build" >&2; exit 1; }

folder=$(mktemp -d "$data/frame-pgbench-XXXXXX")
as_server=()
if [ "$(id -u)" -eq 0 ]; then
  as_server=(setpriv --reuid=postgres --regid=postgres --clear-groups)
  chown postgres "$folder"
fi
server() { (cd "$folder" && LC_ALL=C "${as_server[@]}" "$@"); }
stop() {
  server "$bin/pg_ctl" -D "$folder/db" -m immediate -w stop >/dev/null 2>&1 || true
  rm -rf "$folder"
}
trap stop EXIT

# Default settings but for what would make a larger server than a small machine has: they are the ones the figures are for.
server "$bin/initdb" -D "$folder/db" -A trust -U bench >/dev/null
server "$bin/pg_ctl" -D "$folder/db" -l "$folder/log" -w start \
  -o "-k $folder -c listen_addresses='' -c synchronous_commit=on -c fsync=on" >/dev/null
run() { server "$bin/pgbench" -h "$folder" -U bench "$@" postgres; }
run -i -s 10 -q >/dev/null 2>&1
tps=$(run -c 8 -j 2 -T "$seconds" 2>/dev/null | sed -n 's/^tps = \([0-9.]*\).*/\1/p')
[ -n "$tps" ] || { echo "error: pgbench gave no figure; the server said:" >&2; cat "$folder/log" >&2; exit 1; }
version=$("$bin/postgres" --version | sed 's/^[^0-9]*//;s/ .*//')

bench() { "$frame" bench writer --seconds "$seconds" --data "$folder/writer" --json "$@"; }
# Eight callers with one transfer each, as pgbench's clients; and callers that have a hundred at a time.
single=$(bench --batch 1 --callers 8 --grouped)
many=$(bench --batch "$batch")
jq -n --arg version "$version" --argjson tps "$tps" --argjson single "$single" --argjson many "$many" '
  def figures: {
    callers, batch, transfers_per_second, ratio_to_postgresql: ((.transfers_per_second / $tps * 10 | round) / 10)
  };
  {
    machine: $many.machine,
    postgresql: {version: $version, clients: 8, transactions_per_second: ($tps | round)},
    writer: [($single, $many) | figures]
  }'
