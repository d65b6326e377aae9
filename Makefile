# Portcullis. `make` alone lists what there is.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run test bench dist lint check-all codes components envoy-filter browser registry misbehaving clean

# Native builds name the whole workspace: with fewer packages Cargo unifies features differently, and would compile
# wasmtime a second time.
CARGO := cargo
TARGET := $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),$(CURDIR)/target)
# WASM_NO_RUSTUP=1 takes the WebAssembly targets from Debian's sources without asking rustup's server first.
export WASM_NO_RUSTUP

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

# Where `make run` listens: ADDR for checks, ADMIN for the demo issuer, health and metrics.
ADDR ?= 127.0.0.1:8080
ADMIN ?= 127.0.0.1:8081

run: dist ## start the gateway with an example policy and a demo issuer (ADDR=, ADMIN= for other addresses)
	@dist/bin/portcullis serve --policy examples/demo/policy.toml --demo --listen $(ADDR) --admin $(ADMIN)

test: dist misbehaving ## all the tests, on what was built
	@tools/need.sh openssl nginx envoy redis chromium go skopeo docker-registry oci-clients spire signature-peers
	@tools/test.sh

bench: dist ## the benchmarks, with ratios against the peers of the same run
	@tools/need.sh node wrk envoy chromium go
	@$(CARGO) bench --locked --quiet --workspace --bench verify --bench calls --bench gate --bench workloads --bench serve
	@cd benches/node && npm ci --silent --no-audit --no-fund
	@node benches/node/jose.mjs "$(TARGET)/criterion"
	@$(TARGET)/release/ratios
	@$(TARGET)/release/status_lists
	@$(TARGET)/release/envoy
	@cd benches/browser && npm ci --silent --no-audit --no-fund
	@node benches/browser/bench.mjs
	@PATH="$(CURDIR)/.tools/go/bin:$$PATH" go build -C benches/registry -o "$(TARGET)/registry-bench" .
	@$(TARGET)/registry-bench

dist: components envoy-filter browser registry ## every artifact, under dist/
	@tools/need.sh cc
	@echo "building dist/bin/portcullis"
	@$(CARGO) build --locked --release --workspace --bins
	@mkdir -p dist/bin
	@tools/copy-if-changed.sh "$(TARGET)/release/portcullis" dist/bin/portcullis

components:
	@tools/need.sh rust
	@tools/build-components.sh dist/components

envoy-filter:
	@tools/need.sh rust
	@tools/build-envoy.sh dist/envoy

browser:
	@tools/need.sh rust node zstd
	@tools/build-browser.sh dist/browser
	@tools/build-playground.sh dist/playground

# CNCF Distribution with the plugin, the component within.
registry: components
	@tools/need.sh go
	@tools/build-registry.sh dist/registry

# A component that loops, traps and eats memory, for the host's tests.
misbehaving:
	@tools/build-misbehaving.sh

lint: ## format, clippy, WIT, codes and the policy's reference
	@tools/need.sh rust cc go
	@tools/lint.sh

check-all: dist misbehaving ## the longer checks, each with its usual time
	@tools/check-all.sh

codes: ## write docs/codes.md, tests/codes.ndjson, the gate's cases and the policy's reference and schema from the source
	@$(CARGO) build --locked --quiet --release --workspace --bins
	@$(TARGET)/release/gate_cases write
	@$(TARGET)/release/codes write
	@$(TARGET)/release/policy write

clean: ## remove what was built
	@rm -rf dist
	@$(CARGO) clean
