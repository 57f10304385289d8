#!/usr/bin/env bash
# Builds the release binary and prints its path. Release flags stand here and nowhere else: `make build`, `make run`,
# `make bench` and Benchmarks/run.sh all come here, so that nothing is built twice.
#
#   scripts/build.sh
#   SYMBOLS=1 scripts/build.sh    keep the symbols, for perf and debuggers; only linked anew
set -euo pipefail
cd "$(dirname "$0")/.."

flags=(-c release --product frame)
# The Swift runtime and Foundation are part of the binary, so that it runs where there is no toolchain (docs/decisions/0046).
# Other systems than Linux have the runtime of their own.
if [ "$(uname -s)" = Linux ]; then
  flags+=(--static-swift-stdlib)
  [ -n "${SYMBOLS:-}" ] || flags+=(-Xlinker -s)
fi

swift build "${flags[@]}" >&2
printf '%s/frame\n' "$(swift build "${flags[@]}" --show-bin-path)"
