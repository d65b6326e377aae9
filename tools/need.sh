#!/usr/bin/env bash
# Sees that a machine has what a command needs, installs Debian's packages where it may, and otherwise names in one line
# what is missing and how to get it.
#
# Usage: tools/need.sh rust|cc|openssl|node...
set -euo pipefail

die() { echo "portcullis: $*" >&2; exit 1; }

# debian PACKAGE...: installs them, with sudo where not root
debian() {
    command -v apt-get >/dev/null || die "this is not Debian: install $* with your package manager"
    local sudo=()
    [ "$(id -u)" = 0 ] || sudo=(sudo)
    "${sudo[@]}" apt-get -qq update >/dev/null || true
    DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get -qq install -y "$@" >/dev/null ||
        die "Debian's packages $* could not be installed"
}

for need in "$@"; do
    case $need in
    rust)
        command -v cargo >/dev/null || die "Rust is missing: install rustup from your distribution or rust-lang.org, then a stable toolchain"
        wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
        have=$(rustc --version | cut -d' ' -f2)
        [ "$(printf '%s\n%s\n' "$wanted" "$have" | sort -V | head -n1)" = "$wanted" ] ||
            die "Rust $wanted or newer is needed, this is $have: rustup update stable"
        command -v rustup >/dev/null || die "rustup is missing: the WebAssembly targets are added through it"
        ;;
    cc) command -v cc >/dev/null || debian build-essential ;;
    openssl) command -v openssl >/dev/null || debian openssl ;;
    node)
        command -v node >/dev/null && command -v npm >/dev/null || debian nodejs npm
        major=$(node --version | sed 's/^v\([0-9]*\).*/\1/')
        [ "$major" -ge 18 ] || die "Node 18 or newer is needed, this is $(node --version)"
        ;;
    *) die "need.sh knows nothing of $need" ;;
    esac
done
