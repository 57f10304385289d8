#!/usr/bin/env bash
# Builds everything in debug and runs the tests; with an argument only those whose name matches that regular expression.
#
# A few tests at a time: the runner would start all of them at once, and each answer from a socket would then wait behind
# every other test's work. One line a test that has ended; the whole output is kept in .build/test.log. A run that does not
# end says what it waits for, and fails.
set -euo pipefail
cd "$(dirname "$0")/.."

# Seconds; a run takes a quarter of it on two cores that do nothing else.
limit=${FRAME_TEST_SECONDS:-2700}
log=.build/test.log
export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=${SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH:-4}

swift build --build-tests

filter=()
[ -z "${1:-}" ] || filter=(--filter "$1")
started=$SECONDS

# In a session of its own, so that all of it can be ended.
setsid swift test --skip-build ${filter[@]+"${filter[@]}"} >"$log" 2>&1 </dev/null &
session=$!
tail -n +1 -f --pid="$session" "$log" | sed -u -e '/^◇/d' -e '/^\[.*Testing/d' &
shown=$!
# Whatever ends us ends the tests too.
trap 'pkill -KILL -s "$session" 2>/dev/null || true' EXIT

# Waits with a builtin: a `sleep` would outlive us.
exec {never}<> <(:)
while kill -0 "$session" 2>/dev/null && [ $((SECONDS - started)) -lt "$limit" ]; do
  read -r -t 1 -u "$never" || true
done

if kill -0 "$session" 2>/dev/null; then
  echo "error: the tests did not end within $limit s. Begun and not ended:" >&2
  comm -23 <(sed -nE 's/^◇ (Test .*) started\.$/\1/p' "$log" | sort) \
    <(sed -nE 's/^[✔✘] (Test .*) (passed|failed) after .*$/\1/p' "$log" | sed -E 's/ with [0-9]+ test cases?$//' | sort) >&2
  echo "What runs:" >&2
  ps -o pid,ppid,etime,stat,wchan:20,args -s "$session" | cut -c1-200 >&2
  exit 1
fi
status=0
wait "$session" || status=$?
wait "$shown" || true
if [ "$status" -eq 0 ]; then
  echo "All tests passed in $((SECONDS - started)) s."
else
  echo >&2
  echo "Failed:" >&2
  grep -E '^✘|: error:|Fatal error' "$log" >&2 || tail -n 40 "$log" >&2
  echo "The whole output is in $log" >&2
  exit 1
fi
