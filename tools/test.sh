#!/usr/bin/env bash
# Runs every test and closes with the counts.
set -euo pipefail
cd "$(dirname "$0")/.."

log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
cargo test --locked --release --workspace --no-fail-fast 2>&1 | tee "$log" || status=$?

# The npm package, the playground and the example of a page, in Node and in Chromium.
(cd tests/browser && npm ci --silent --no-audit --no-fund)
# A test that hangs fails.
node --test --test-concurrency=1 --test-timeout=180000 --test-reporter=spec tests/browser/*.test.mjs 2>&1 | tee -a "$log" || status=$?

# The registry plugin.
export PATH=$PWD/.tools/go/bin:$PATH
(cd plugins/registry && go test -count=1 -v ./...) 2>&1 | tee -a "$log" || status=$?

# Real clients against real registries, with the token service and with the plugin.
(cd tests/registry && go test -count=1 -v ./...) 2>&1 | tee -a "$log" || status=$?

# The closing line: the sums of what each test program said.
awk '/^test result:/ { passed += $4; failed += $6; skipped += $8 }
     /^--- PASS: / { passed += 1 }
     /^--- FAIL: / { failed += 1 }
     /^--- SKIP: / { skipped += 1 }
     /^ℹ pass / { passed += $3 }
     /^ℹ fail / { failed += $3 }
     /^ℹ cancelled / { failed += $3 }
     /^ℹ skipped / { skipped += $3 }
     END { printf "\ntotal: %d passed, %d failed, %d skipped\n", passed, failed, skipped; exit failed > 0 || passed == 0 }' "$log" || status=1
exit "$status"
