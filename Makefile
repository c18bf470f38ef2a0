# `make demo` and `make test` do all of their own set-up. What is built (control plane, Prometheus, ...) goes to a cache
# folder outside the tree: ${XDG_CACHE_HOME:-~/.cache}/walletmon, or WALLETMON_TESTBED_CACHE.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest

.DEFAULT_GOAL := help
.PHONY: help setup binaries demo test test-unit test-rules test-integration test-e2e lint format types crds requirements cluster-up cluster-down clean

help: ## Say what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

setup: $(VENV)/.complete ## Make the environment .venv with everything pinned

$(VENV)/.complete: requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "walletmon needs Python >= 3.11; $$($(PYTHON) --version) was found. Name another: make PYTHON=python3.12 ..." >&2; exit 1; }
	@echo "Setting up $(VENV) (once)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

binaries: setup ## Build the control plane, Prometheus, Alertmanager, ... into the cache (once)
	$(BIN)/python -m testbed build

demo: setup ## Show it: a wallet fails, a page arrives (CI=1: unattended)
	$(BIN)/python -m demo $(if $(CI),--unattended)

test: setup ## Run all tests: unit, rules, integration, e2e
	$(PYTEST) tests/unit tests/rules tests/integration tests/e2e

test-unit: setup ## Tests of the pure core
	$(PYTEST) tests/unit

test-rules: setup ## Tests of the alerts, by promtool
	$(PYTEST) tests/rules

test-integration: setup ## Tests against a real apiserver
	$(PYTEST) tests/integration

test-e2e: setup ## Tests against real Prometheus and Alertmanager
	$(PYTEST) tests/e2e

lint: setup ## Style, and imports that go one way
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

format: setup ## Put the style right
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: setup ## Strict types
	$(BIN)/mypy

crds: setup ## Write crds/ and the chart's copy anew from the models
	$(BIN)/walletmon crds --output crds
	cp crds/*.yaml charts/walletmon/files/crds/

requirements: ## Pin anew what pyproject.toml asks for (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
	  --custom-compile-command "make requirements" pyproject.toml -o requirements.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
	  --custom-compile-command "make requirements" --extra dev pyproject.toml -o requirements-dev.txt

cluster-up: setup ## Start the test bed's control plane and leave it running
	$(BIN)/python -m testbed up

cluster-down: setup ## Stop it
	$(BIN)/python -m testbed down

clean: ## Take away what make made here (not the cache)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
