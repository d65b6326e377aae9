#!/usr/bin/env bash
# The longer checks. Usual times on two cores stand beside each.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { echo; echo "check-all: $*"; }
toolchain=$(tools/wasm-toolchain.sh)

step "the crates on wasm32-wasip2 (2 minutes)"
cargo +"$toolchain" check --locked --target wasm32-wasip2 -p portcullis-text -p portcullis-gate -p portcullis-token -p portcullis-crypto

step "the host without a compiler, and without its crypto (5 minutes)"
cargo check --locked --release -p portcullis-host --no-default-features
cargo check --locked --release -p portcullis-host --no-default-features --features compiler

step "what a page is built of: status lists by the small inflater, the door with tokens alone (2 minutes)"
cargo test --locked --release -p portcullis-status --no-default-features
cargo check --locked --release -p portcullis-text --no-default-features

step "property tests with 100 times the cases (10 minutes)"
PROPTEST_CASES=25600 cargo test --locked --release --workspace --exclude portcullis-host properties

step "a fuzzer: hostile hosts, policies of any text, hostile peers of Open Cloud Mesh (8 minutes, 120 seconds of them fuzzing)"
command -v cargo-fuzz >/dev/null || cargo install --quiet --locked cargo-fuzz
# The fuzzer's instrumentation is unstable in the compiler; nothing that is built so is shipped.
for component in gate ocm; do
    (cd components/$component && RUSTC_BOOTSTRAP=1 cargo fuzz run -s none hostile -- -max_total_time="${FUZZ_SECONDS:-60}" -max_len=600)
done
