# SPDX-License-Identifier: MIT OR Apache-2.0
# What people do with this project. The C library itself is built by CMake (see README.md).

.PHONY: help demo console test check e2e format lint unit headers setup bench bench-cloud bench-gate dist matrix cross faults kill kill-long kill-cloud kill-delta \
        api-fuzz fuzz tsan coverage clean

help:               ## This list
	@sed -n 's/^\([a-z0-9-]*\):[^#]*## */\1|/p' Makefile | awk -F '|' '{ printf "make %-12s %s\n", $$1, $$2 }'

demo:               ## A firmware update end to end against a local cloud
	@scripts/demo.sh

console:            ## A web console to look at: a cloud, five C devices, a finished and a running job
	@scripts/console.sh

test:               ## Everything that CI checks
	@scripts/test.sh

check:              ## The quick part: format, clippy, Rust tests, C tests of one build tree
	@scripts/check.sh

e2e:                ## End-to-end tests; T=pattern selects some (a part of module.Class.test)
	@scripts/e2e.sh $(T)

bench:              ## Speed, memory and size against what people would use instead
	@scripts/bench.sh

bench-cloud:        ## The local cloud's figures, beside nginx and mosquitto; WRITE=1 puts them into docs/BENCHMARKS.md
	@scripts/cloud.sh bench $(if $(WRITE),--write docs/BENCHMARKS.md)

bench-gate:         ## Fails when size or instructions grew by more than 5 % (benches/baseline.json)
	@scripts/bench-gate.sh

dist:               ## The source package, with the crates it needs: build/dist
	@scripts/dist.sh

matrix:             ## Every compiler, linker, build type and target that is supported; the table in docs/TESTING.md
	@scripts/matrix.sh --write

cross:              ## Builds for ARM and runs the C tests under qemu
	@scripts/cross.sh

kill:               ## Downloads killed 1,000 times at random, and at every storage operation (docs/TESTING.md)
	@scripts/kill.sh

kill-long:          ## The same with 10,000 random kills
	@scripts/kill.sh --long

kill-cloud:         ## The local cloud killed 200 times while devices report and jobs run, on both databases
	@scripts/cloud.sh kill

kill-delta:         ## Delta updates killed after every block, and KILLS times at random (1,000)
	@scripts/kill-delta.sh $(KILLS)

api-fuzz:           ## The cloud's control API fuzzed from its own document (SECONDS for each database, 20 by default)
	@scripts/cloud.sh fuzz $(SECONDS)

faults:             ## Every fault there is a server for, as a table; writes docs/FAULTS.md
	@scripts/faults.sh

fuzz:               ## Every fuzz target for a while (FUZZ_SECONDS each, 60 by default); the table in docs/TESTING.md
	@scripts/fuzz.sh --write $(FUZZ_SECONDS)

tsan:               ## Where threads meet, under the thread sanitizer (needs a nightly toolchain with rust-src)
	@scripts/tsan.sh

coverage:           ## Line coverage of the library under the whole suite; writes docs/COVERAGE.md
	@scripts/coverage.sh

setup:              ## Install what is missing (Debian; needs root only if something is)
	@scripts/setup.sh

headers:            ## Write include/otakit.h again from src/bindings/native.rs
	cargo run --quiet --locked -p xtask -- headers

format:             ## Format the Rust code
	cargo fmt --all

lint:               ## Formatting and clippy, with every platform
	@scripts/check.sh format clippy

unit:               ## Rust tests alone, with every platform
	@scripts/check.sh unit

clean:              ## Remove everything that was built
	rm -rf target build .demo
