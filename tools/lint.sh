#!/usr/bin/env bash
# Format, clippy on the crates and on the WebAssembly skin, documentation, WIT, codes, cases of the gate, policy
# reference.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { echo "lint: $*"; }
toolchain=$(tools/wasm-toolchain.sh wasm32-unknown-unknown)

step format
cargo fmt --all --check
(cd tests/components/misbehaving && cargo fmt --check)

step clippy
cargo clippy --quiet --locked --release --workspace --all-targets -- -D warnings
for features in full full,hosted; do
    cargo +"$toolchain" clippy --quiet --locked -p portcullis-component --features "$features" --target wasm32-unknown-unknown -- -D warnings
done
cargo +"$toolchain" clippy --quiet --locked -p portcullis-envoy --target wasm32-unknown-unknown -- -D warnings
for features in full ""; do
    cargo +"$toolchain" clippy --quiet --locked -p portcullis-browser --features "$features" --target wasm32-unknown-unknown -- -D warnings
done

step "Go: format and vet"
export PATH=$PWD/.tools/go/bin:$PATH
for module in plugins/registry tests/registry benches/registry; do (
    cd $module
    unformatted=$(gofmt -l .)
    [ -z "$unformatted" ] || { echo "gofmt: $unformatted" >&2; exit 1; }
    go vet ./...
); done

step "the text about authorization in distribution, each sentence with its test"
tools/check-distribution-auth.sh

step documentation
RUSTDOCFLAGS="-D warnings" cargo doc --quiet --locked --release --no-deps --workspace --document-private-items 2>&1 |
    { grep -v '^$' || true; } | tee /dev/stderr | { ! grep -q '^\(warning\|error\)'; }

step "WIT: every item documented and dated"
cargo build --quiet --locked --release --workspace --bins
bin=${CARGO_TARGET_DIR:-target}/release
"$bin/wit"

step "codes: pinned, with a case each, and one for each reason"
"$bin/codes" check

step "gate: its cases are what they are made of"
"$bin/gate_cases" check

step "policy: reference and schema are what the source says"
"$bin/policy" check

if command -v shellcheck >/dev/null; then
    step shell
    shellcheck --severity=warning tools/*.sh .ci/run
fi
step "done"
