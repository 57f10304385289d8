#!/usr/bin/env bash
# Builds a release and runs every benchmark, one after the other (Benchmarks/README.md).
# Arguments go to each of them, for example: Benchmarks/run.sh --seconds 2 --json
set -euo pipefail
cd "$(dirname "$0")/.."

frame=$(scripts/build.sh)

"$frame" bench transfers "$@"
for batch in 1 100 1000; do
  echo
  "$frame" bench writer --batch "$batch" "$@"
done
echo
"$frame" bench rest "$@"
echo
"$frame" bench metrics "$@"

# Takes its own time, whatever --seconds says.
echo
"$frame" bench growth
echo
"$frame" bench start
if ls -d /usr/lib/postgresql/*/bin >/dev/null 2>&1; then
  echo
  FRAME=$frame Benchmarks/pgbench.sh
fi
