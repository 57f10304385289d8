#!/usr/bin/env bash
# Fuzzes every reader of outside bytes, guided by coverage (libFuzzer), until the time is up or something is found.
#
#   scripts/fuzz.sh              all targets, one after the other on each processor
#   TARGET=token scripts/fuzz.sh one of them
#   MINUTES=240 scripts/fuzz.sh  the whole run takes as long (10 unless told otherwise)
#
# Inputs that are worth keeping are in .build/fuzz-corpus/TARGET and are where the next run begins. What was found is in
# .build/fuzz-found: run it again with the command that is printed, mend it, and keep it small in Tests/Fixtures/fuzz/TARGET.
set -euo pipefail
cd "$(dirname "$0")/.."

minutes=${MINUTES:-10}
jobs=${JOBS:-$(nproc)}
case "$minutes$jobs" in *[!0-9]*) echo "error: MINUTES and JOBS are whole numbers" >&2; exit 64 ;; esac

# A build of its own: the rooms are instrumented, and their insides visible as they are to tests.
FRAME_FUZZ=1 swift build -c release --scratch-path .build/fuzz --product frame-fuzz -Xswiftc -enable-testing
fuzzer=.build/fuzz/release/frame-fuzz

if [ -n "${TARGET:-}" ]; then targets=("$TARGET"); else mapfile -t targets < <("$fuzzer" --list); fi
seconds=$((minutes * 60 * jobs / ${#targets[@]}))
[ "$seconds" -ge 1 ] || seconds=1
[ "${#targets[@]}" -gt 1 ] || seconds=$((minutes * 60))

# Else Swift's own report of a trap comes first and the input is not kept.
export SWIFT_BACKTRACE=enable=no

one() {
  local target=$1 corpus=.build/fuzz-corpus/$1 found=.build/fuzz-found/$1
  mkdir -p "$corpus" "$found"
  "$fuzzer" --seeds "$target" "$corpus"
  local saved=()
  [ ! -d "Tests/Fixtures/fuzz/$target" ] || saved=("Tests/Fixtures/fuzz/$target")
  if "$fuzzer" "$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=1 \
    -artifact_prefix="$found/" "$corpus" ${saved[@]+"${saved[@]}"} >"$found/log" 2>&1; then
    echo "$target: nothing found in $(sed -n 's/^stat::number_of_executed_units: *//p' "$found/log") inputs," \
      "$(find "$corpus" -type f | wc -l) kept; $(grep -o 'cov: [0-9]* ft: [0-9]*' "$found/log" | tail -n 1)"
  else
    echo "FOUND $target: $(grep -m 1 -E 'Fatal error|ERROR|SUMMARY' "$found/log"); see $found/log, and run again with" >&2
    find "$found" -type f ! -name log -printf "  $fuzzer $target %p\n" >&2
    return 1
  fi
}
export -f one
export fuzzer seconds

status=0
printf '%s\n' "${targets[@]}" | xargs -P "$jobs" -I{} bash -euo pipefail -c 'one {}' || status=1
exit $status
