#!/usr/bin/env bash
# Builds the component that misbehaves on purpose, for the host's tests.
set -euo pipefail
cd "$(dirname "$0")/.."
target=wasm32-unknown-unknown
toolchain=$(tools/wasm-toolchain.sh "$target")
folder=${CARGO_TARGET_DIR:-$PWD/target}
CARGO_TARGET_DIR=$folder/misbehaving cargo +"$toolchain" build --quiet --locked --profile component --target "$target" \
    --manifest-path tests/components/misbehaving/Cargo.toml
mkdir -p "$folder/$target/component"
tools/copy-if-changed.sh "$folder/misbehaving/$target/component/misbehaving.wasm" "$folder/$target/component/misbehaving.wasm"
