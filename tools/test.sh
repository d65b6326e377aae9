#!/usr/bin/env bash
# Runs every test and closes with the counts.
set -euo pipefail
cd "$(dirname "$0")/.."

log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
cargo test --locked --release --workspace --no-fail-fast 2>&1 | tee "$log" || status=$?

# The closing line: the sums of what each test program said.
awk '/^test result:/ { passed += $4; failed += $6; skipped += $8 }
     END { printf "\ntotal: %d passed, %d failed, %d skipped\n", passed, failed, skipped; exit failed > 0 || passed == 0 }' "$log" || status=1
exit "$status"
