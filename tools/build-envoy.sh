#!/usr/bin/env bash
# Builds Envoy's filter into a folder (default dist/envoy).
#
# Usage: tools/build-envoy.sh [FOLDER [FEATURES]]
set -euo pipefail
cd "$(dirname "$0")/.."

out=${1:-dist/envoy}
features=${2:-}
target=wasm32-unknown-unknown
mkdir -p "$out"

toolchain=$(tools/wasm-toolchain.sh "$target")

# Panic locations of dependencies would tell the building machine's folders.
remap="--remap-path-prefix=$PWD=/portcullis --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo"
remap="$remap --remap-path-prefix=${RUSTUP_HOME:-$HOME/.rustup}=/rustup"

# Envoy takes a module, and the linker that .cargo/config.toml names for this target makes components.
echo "building $out/portcullis.wasm"
CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=rust-lld CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="$remap" \
    cargo +"$toolchain" rustc --quiet --locked -p portcullis-envoy --lib --crate-type cdylib \
    --target "$target" --profile filter --features "$features"
tools/copy-if-changed.sh "${CARGO_TARGET_DIR:-target}/$target/filter/portcullis_envoy.wasm" "$out/portcullis.wasm"
