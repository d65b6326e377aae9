#!/usr/bin/env bash
# Builds what misbehaves on purpose, for the tests: a component of its own, and a gate and an Envoy filter that fail when a
# request asks for it.
set -euo pipefail
cd "$(dirname "$0")/.."
target=wasm32-unknown-unknown
toolchain=$(tools/wasm-toolchain.sh "$target")
folder=${CARGO_TARGET_DIR:-$PWD/target}
CARGO_TARGET_DIR=$folder/misbehaving cargo +"$toolchain" build --quiet --locked --profile component --target "$target" \
    --manifest-path tests/components/misbehaving/Cargo.toml
mkdir -p "$folder/$target/component"
tools/copy-if-changed.sh "$folder/misbehaving/$target/component/misbehaving.wasm" "$folder/$target/component/misbehaving.wasm"
# What is built first of the same name is the shipped component's, so this one has a folder of its own.
CARGO_TARGET_DIR=$folder/failing cargo +"$toolchain" rustc --quiet --locked -p portcullis-component --lib \
    --crate-type cdylib --profile component --target "$target" --features full,failing
tools/copy-if-changed.sh "$folder/failing/$target/component/portcullis.wasm" "$folder/$target/component/failing.wasm"
CARGO_TARGET_DIR=$folder/failing tools/build-envoy.sh "$folder/failing/envoy" failing
