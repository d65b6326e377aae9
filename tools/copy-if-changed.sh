#!/usr/bin/env bash
# Copies a file only where it differs, so that nothing is made again that depends on its time. A running program's file
# is replaced, not written into.
#
# Usage: tools/copy-if-changed.sh FROM TO
set -euo pipefail
cmp -s "$1" "$2" || { cp "$1" "$2.new" && mv "$2.new" "$2"; }
