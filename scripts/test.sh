#!/usr/bin/env bash
# Builds everything in debug and runs the tests; with an argument only those whose name matches that regular expression.
#
# A few tests at a time: the runner would start all of them at once, and each answer from a socket would then wait behind
# every other test's work. One line a test that has ended; the whole output is kept in .build/test.log.
set -euo pipefail
cd "$(dirname "$0")/.."

swift build --build-tests

filter=()
[ -z "${1:-}" ] || filter=(--filter "$1")
log=.build/test.log
export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=${SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH:-4}
started=$SECONDS
if swift test --skip-build ${filter[@]+"${filter[@]}"} 2>&1 | tee "$log" | sed -u -e '/^◇/d' -e '/^\[.*Testing/d'; then
  echo "All tests passed in $((SECONDS - started)) s."
else
  echo >&2
  echo "Failed:" >&2
  grep -E '^✘|: error:|Fatal error' "$log" >&2 || tail -n 40 "$log" >&2
  echo "The whole output is in $log" >&2
  exit 1
fi
