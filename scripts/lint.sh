#!/usr/bin/env bash
# Checks the format of all Swift sources but generated ones, and that the shell scripts parse.
#
#   scripts/lint.sh          report
#   scripts/lint.sh --fix    format in place
set -euo pipefail
cd "$(dirname "$0")/.."

command -v swift >/dev/null || { echo "error: no swift on PATH" >&2; exit 1; }

sources() { find Sources Tests Package.swift -name '*.swift' -not -path '*/Generated/*' -print0; }

case "${1:-}" in
  --fix)
    sources | xargs -0 swift format format --in-place --parallel
    exit
    ;;
  "") ;;
  *)
    echo "usage: $0 [--fix]" >&2
    exit 64
    ;;
esac

failed=0
sources | xargs -0 swift format lint --strict --parallel || failed=1
for script in scripts/*.sh .ci/run; do
  bash -n "$script" || failed=1
done
if [ "$failed" -ne 0 ]; then
  echo "lint: not clean; make format repairs what is only format" >&2
  exit 1
fi
echo "lint: clean"
