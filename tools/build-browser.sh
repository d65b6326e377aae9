#!/usr/bin/env bash
# Builds the npm package into a folder (default dist/browser): its two cores, small, and the modules over them.
#
# Usage: tools/build-browser.sh [FOLDER]
set -euo pipefail
cd "$(dirname "$0")/.."

out=$(realpath -m "${1:-dist/browser}")
target=wasm32-unknown-unknown
folder=$(realpath -m "${CARGO_TARGET_DIR:-target}")/page
toolchain=$(tools/wasm-toolchain.sh "$target")
tools/rust-src.sh "$toolchain"
library=$(rustc +"$toolchain" --print sysroot)/lib/rustlib/src/rust/library

# Paths of the building machine are its own business.
flags="--remap-path-prefix=$PWD=/portcullis --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo"
flags="$flags --remap-path-prefix=$library=/library"
# A panic ends the instance, which is replaced; nobody reads its text. Hashes are compact, and memory has the bound that an
# instance has elsewhere, 256 MiB.
flags="$flags -Zunstable-options -Cpanic=immediate-abort -Zlocation-detail=none"
flags="$flags --cfg sha2_backend_soft=\"compact\" -Clink-arg=--max-memory=268435456"

# core NAME FEATURES: one core. A compiler that is stable takes options that are not yet, where RUSTC_BOOTSTRAP says so: the
# standard library is built anew without what a page has no use for, which saves a tenth (see docs/browser.md).
core() {
    echo "building the page's core: $1"
    RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=$folder CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="$flags" \
        cargo +"$toolchain" rustc --quiet --locked -p portcullis-browser --lib --crate-type cdylib --target "$target" \
        --profile browser --features "$2" -Zbuild-std=std,panic_abort -Zbuild-std-features=optimize_for_size
    tools/copy-if-changed.sh "$folder/$target/browser/portcullis_browser.wasm" "$folder/$1.wasm"
}

core full full
core token ""
cd plugins/browser
npm ci --silent --no-audit --no-fund
node build.mjs "$folder" "$out"
