# Thin front of CMake. `make help` lists the targets.
#
# Variables: JOBS (parallel jobs), PREFIX (for install), STAGES (for test), RUN_ARGS (for run),
# COMPARE_ARGS (for compare), FUZZ_SECONDS and SOAK_MINUTES, VCOMPOUND_SKIP_DEPENDENCIES=1 (do not
# look for Debian packages).
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := all
MAKEFLAGS += --no-print-directory

JOBS ?= $(shell nproc)
PREFIX ?= /usr/local
STAGES ?=
RUN_ARGS ?=
COMPARE_ARGS ?=
FUZZ_SECONDS ?= 120
SOAK_MINUTES ?= 30

release := build/release
configure = cmake --preset $(1) --log-level=WARNING > /dev/null
build = cmake --build build/$(1) -j $(JOBS)
needs = scripts/install_dependencies.sh

.PHONY: all
all: ## install what is missing, build everything into build/release
	@$(needs) build test
	@$(call configure,release)
	@$(call build,release)

.PHONY: run
run: ## build, then the published experiment and the bundled traces; ends with a table and a report
	@$(needs) build
	@$(call configure,release)
	@$(call build,release) --target programs
	@scripts/run.sh $(RUN_ARGS)

.PHONY: run-kernel
run-kernel: ## boot the bare-metal image twice on fragmented memory; its network fails, then works
	@$(needs) build test kernel
	@$(call configure,release)
	@$(call build,release) --target vcompound_kernel network_peer
	@scripts/run_network.sh

.PHONY: test
test: ## every test, one summary (STAGES="release tsan" for some of them)
	@$(needs) build test check
	@$(needs) kernel || echo "make test: without these the boots of the bare-metal image are skipped"
	@JOBS=$(JOBS) scripts/test.sh $(STAGES)

.PHONY: bench
bench: ## our own mechanisms; writes build/bench/summary.json
	@$(needs) build bench
	@$(call configure,bench)
	@$(call build,bench) --target benchmarks
	@scripts/bench.sh

.PHONY: bench-golden
bench-golden: ## write the golden instruction counts of the fast paths in a process anew
	@$(needs) build check
	@$(call configure,release)
	@$(call build,release) --target golden_paths
	@scripts/golden.sh --write

.PHONY: compare
compare: ## beside other allocators, row by row; writes build/compare/index.html, docs/performance.md
	@$(needs) build bench compare
	@$(call configure,bench)
	@$(call build,bench) --target compare_worker compare_report
	@scripts/compare.sh --write $(COMPARE_ARGS)

.PHONY: compare-linux
compare-linux: ## instructions beside those of Linux 6.1 under the same emulator; writes docs/kernel-performance.md
	@$(needs) build kernel linux
	@$(call configure,release)
	@$(call build,release) --target vcompound_kernel
	@scripts/compare_linux.sh --write

.PHONY: kernel-golden
kernel-golden: ## write the golden instruction counts of the bare-metal image anew
	@$(needs) build kernel
	@$(call configure,release)
	@$(call build,release) --target vcompound_kernel
	@scripts/kernel_figures.sh --write
	@scripts/performance_table.sh

.PHONY: test-mutations
test-mutations: ## break the kernel in one place after the other; each time a test must fail
	@$(needs) build kernel
	@scripts/test_mutations.sh

.PHONY: install
install: ## install into PREFIX (default /usr/local; DESTDIR is honoured)
	@$(needs) build
	@$(call configure,release)
	@$(call build,release) --target programs
	@cmake --install $(release) --prefix "$(PREFIX)"

.PHONY: package
package: ## a Debian package in build/release/package
	@$(needs) build package
	@$(call configure,release)
	@$(call build,release) --target all
	@cd $(release) && cpack -G DEB
	@ls $(CURDIR)/$(release)/package/*.deb

.PHONY: format
format: ## write the format of every C++ and C file
	@$(needs) check
	@scripts/check_format.sh --fix

.PHONY: tidy
tidy: ## clang-tidy over everything (make test does the core)
	@$(needs) build test check
	@scripts/run_tidy.sh all

.PHONY: soak
soak: ## the stress tests under ThreadSanitizer, over and over, for SOAK_MINUTES
	@$(needs) build test
	@$(call configure,tsan)
	@$(call build,tsan) --target tests_stress
	@scripts/soak.sh $(SOAK_MINUTES)

.PHONY: fuzz
fuzz: ## each fuzz target for FUZZ_SECONDS
	@$(needs) build check
	@$(call configure,fuzz)
	@$(call build,fuzz) --target fuzzers
	@for program in build/fuzz/fuzz/*_fuzz; do \
	  echo "==> $$program"; scripts/run_fuzz.sh "$$program" -1 $(FUZZ_SECONDS); done

.PHONY: clean
clean: ## remove build/
	@rm -rf build

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
