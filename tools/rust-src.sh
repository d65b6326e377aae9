#!/usr/bin/env bash
# Sees that a toolchain has the sources of its standard library, with which a page's core is built: small, and without texts for
# panics that nobody would read.
#
#   1. Nothing to do if they are there.
#   2. `rustup component add rust-src`, as on any normal machine.
#   3. rustup's server out of reach, but a Debian mirror at hand: Debian's `rust-src` of exactly this compiler's version.
#
# Usage: tools/rust-src.sh TOOLCHAIN
# Env:   WASM_NO_RUSTUP=1 skips step 2; DEBIAN_MIRROR overrides apt's own
# shellcheck disable=SC2016,SC1091
set -euo pipefail

toolchain=$1
suites="trixie-backports trixie trixie-security forky sid experimental"
say() { echo "rust-src: $*" >&2; }
die() { say "$@"; exit 1; }

home=$(rustc +"$toolchain" --print sysroot)/lib/rustlib/src/rust
version=$(rustc +"$toolchain" --version | cut -d' ' -f2)
there() { [ -f "$home/library/std/Cargo.toml" ]; }
! there || exit 0

if [ -z "${WASM_NO_RUSTUP:-}" ]; then
    timeout 300 rustup component add rust-src --toolchain "$toolchain" >/dev/null 2>&1 || say "rustup cannot add them"
    ! there || exit 0
fi

command -v apt-get >/dev/null || die "no apt either: add the component rust-src to the toolchain $toolchain"
mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -m1 -E '/debian/?$')} ||
    die "apt has no Debian mirror: set DEBIAN_MIRROR"
tmp=$(mktemp -d "${TMPDIR:-/tmp}/rust-src.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
# A private apt state: the machine's own sources and package lists stay as they are.
mkdir -p "$tmp"/{lists,cache}/partial "$tmp/deb"
for suite in $suites "$release" "$release-security"; do
    case $suite in *-security) from=${mirror%/}-security ;; *) from=$mirror ;; esac
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $from $suite main"
done | sort -u >"$tmp/sources.list"
: >"$tmp/status"
cat >"$tmp/conf" <<EOF
Dir::Etc::sourcelist "$tmp/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::State::Lists "$tmp/lists";
Dir::State::status "$tmp/status";
Dir::Cache "$tmp/cache";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
EOF
export APT_CONFIG=$tmp/conf
say "looking for rust-src $version in Debian"
apt-get -qq update || say "not every suite could be read"
read -r source debian suite < <(apt-cache madison rust-src rust-web-src | tr -d '|' | sed 's|/main .*||' |
    awk -v version="$version+" 'index($2, version) == 1 { print $1, $2, $NF; exit }') || die "Debian has no rust-src $version"
(cd "$tmp/deb" && apt-get -qq -t "$suite" download "$source=$debian" && dpkg-deb -x ./*.deb "$tmp/tree")
library=$(echo "$tmp"/tree/usr/src/rustc*/library)
# Debian strips prebuilt blobs from its vendored crates: Cargo fetches the locked originals instead.
rm -rf "$library/vendor"
mkdir -p "$home"
mv "$library" "$home/library.new"
mv "$home/library.new" "$home/library"
say "$toolchain now has the sources of $version, from $source $debian"
