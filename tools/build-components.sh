#!/usr/bin/env bash
# Builds the WebAssembly components into a folder (default dist/components): each one in software, for a host's crypto
# (*-hosted.wasm) and for wasmtime's wide arithmetic (*-wide.wasm).
#
# Usage: tools/build-components.sh [FOLDER]
set -euo pipefail
cd "$(dirname "$0")/.."

out=${1:-dist/components}
target=wasm32-unknown-unknown
worlds="full gate token status scope svid signature client ocm"
mkdir -p "$out"

toolchain=$(tools/wasm-toolchain.sh "$target")

# Panic locations of dependencies would tell the building machine's folders.
cargo_home=${CARGO_HOME:-$HOME/.cargo}
remap="--remap-path-prefix=$PWD=/portcullis --remap-path-prefix=$cargo_home=/cargo"
remap="$remap --remap-path-prefix=${RUSTUP_HOME:-$HOME/.rustup}=/rustup"

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

# build NAME FEATURES TARGET_DIR RUSTFLAGS: one component. What Cargo says is shown where it fails: each wide build
# would repeat that the compiler calls the feature unstable.
build() {
    echo "building $out/$1.wasm"
    CARGO_TARGET_DIR=$3 CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="$remap $4" \
        cargo +"$toolchain" rustc --quiet --locked -p portcullis-component --lib --crate-type cdylib \
        --target "$target" --profile component --features "$2" 2>"$logs/$1" || { cat "$logs/$1" >&2; exit 1; }
    # Copied only where it changed, so that what depends on it by time is not made again.
    cmp -s "$3/$target/component/portcullis.wasm" "$out/$1.wasm" || cp "$3/$target/component/portcullis.wasm" "$out/$1.wasm"
}

name_of() {
    if [ "$1" = full ]; then echo portcullis; else echo "$1"; fi
}

plain=${CARGO_TARGET_DIR:-target}

# The wide ones in a folder of their own, since other flags would make Cargo rebuild everything each time; and beside the
# others, for the last step of a build has but one thread.
wide() {
    for world in $worlds; do
        build "$(name_of "$world")-wide" "$world" "$plain/wide" "-C target-feature=+wide-arithmetic"
    done
}

cargo build --quiet --locked --release --workspace --bins
wide &
wide=$!
for world in $worlds; do
    name=$(name_of "$world")
    build "$name" "$world" "$plain" ""
    build "$name-hosted" "$world,hosted" "$plain" ""
done
wait "$wide"
for world in $worlds; do
    name=$(name_of "$world")
    # Compilers before LLVM 23 get some wide arithmetic wrong. What may be wrong is not shipped.
    if ! "$plain/release/miscompiled" "$out/$name-wide.wasm"; then
        echo "components: $name-wide.wasm is the plain build, without wide arithmetic: see tools/miscompiled" >&2
        cp "$out/$name.wasm" "$out/$name-wide.wasm"
    fi
done
