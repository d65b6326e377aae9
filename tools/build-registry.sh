#!/usr/bin/env bash
# Builds the registry into a folder (default dist/registry): CNCF Distribution with the plugin, the component within. The
# component is built before (tools/build-components.sh).
#
# Usage: tools/build-registry.sh [FOLDER]
set -euo pipefail
cd "$(dirname "$0")/.."

out=$(realpath -m "${1:-dist/registry}")
component=dist/components/portcullis.wasm
[ -e "$component" ] || { echo "registry: there is no $component: make dist builds it" >&2; exit 1; }
export PATH=$PWD/.tools/go/bin:$PATH

echo "building ${1:-dist/registry}/portcullis-registry"
mkdir -p "$out"
tools/copy-if-changed.sh "$component" plugins/registry/embedded/component/portcullis.wasm
cd plugins/registry
CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o "$out/portcullis-registry" ./cmd/portcullis-registry
size=$(stat -c %s "$out/portcullis-registry")
echo "building ${1:-dist/registry}: done, $((size / 1024 / 1024)) MiB"
