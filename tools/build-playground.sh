#!/usr/bin/env bash
# Builds the playground, a static page over the npm package, into a folder (default dist/playground). The package is built
# before (tools/build-browser.sh).
#
# Usage: tools/build-playground.sh [FOLDER]
set -euo pipefail
cd "$(dirname "$0")/.."

out=$(realpath -m "${1:-dist/playground}")
cd plugins/browser/playground
npm ci --silent --no-audit --no-fund
PLAYGROUND_OUT=$out npm run --silent build
echo "building ${1:-dist/playground}: done"
