# The two commands of the README, and the parts of the second.
#   make quickstart   from an agency's file to verified servers on a real OpenStack
#   make test         everything CI runs
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

UV_VERSION := 0.13.9
UV := .bootstrap/bin/uv
BIN := .venv/bin
AGENCY ?= xa-long-sap
# Right after a machine has started, its own daily update may hold the locks.
APT := DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Ansible refuses a locale that the machine has not made.
export LC_ALL := C.UTF-8
# Compiled modules make every later start faster.
unexport PYTHONDONTWRITEBYTECODE

ifneq ($(words $(CURDIR)),1)
$(error move the checkout to a path without spaces, as Ansible and mmdebstrap need: $(CURDIR))
endif

.PHONY: help setup quickstart test lint types unit engine cloud on-s3 molecule e2e bench clean

help: ## this list
	@sed -nE 's/^([a-z][a-z0-9-]*):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

$(UV):
	@echo "setup: uv $(UV_VERSION)"
	@python3 -c 'import venv, ensurepip' 2>/dev/null \
	  || { for try in $$(seq 24); do $(APT) update && break; sleep 5; done; \
	       $(APT) -y install --no-install-recommends python3-venv; }
	@python3 -m venv .bootstrap
	@.bootstrap/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

.venv/.synced: pyproject.toml uv.lock | $(UV)
	@echo "setup: Python packages, as locked"
	@$(UV) sync --frozen --quiet --compile-bytecode
	@touch $@

setup: .venv/.synced ## install what the repository needs to run: uv, the locked packages

quickstart: setup ## lab, image, province and one agency, checked; then a handover report
	@hoaban quickstart $(AGENCY)

test: setup ## lint, types, unit, engine, cloud, Molecule and end-to-end tests
	@python -m tests.run

lint types unit engine cloud on-s3 molecule e2e: setup ## one part of the tests
	@python -m tests.run $@

bench: setup ## benchmarks (BENCH=guest and others: docs/benchmarks.md)
	@python -m tests.bench $(BENCH)

clean: ## remove what was built in this checkout; state under .hoaban stays
	rm -rf .venv .bootstrap .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis
