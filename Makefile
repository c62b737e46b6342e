# Needs Python 3.11 or newer with its venv module, and git. `make help` lists what there is.

.DEFAULT_GOAL := help
.PHONY: help setup demo test prove picture lint audit bench bench-long lock clean

PORT ?= 8000
PYTEST_ARGS ?=

# uv comes into a venv of its own and never fetches another Python.
UV := .uv/bin/uv
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header
export UV_PYTHON_DOWNLOADS := never
export UV_NO_PROGRESS := 1
unexport VIRTUAL_ENV

FRONTEND := $(wildcard frontend/*.json frontend/*.mjs frontend/src/* frontend/src/*/*)
INSTALL := $(UV) pip install --quiet --python .venv --no-deps --build-constraints requirements-build.lock --editable .

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' Makefile | expand -t 12

setup: .venv/installed ## .venv/bin/carteira, ready to use
	@echo "Ready: .venv/bin/carteira"

demo: .venv/installed ## a whole Carteira on invented data; no account, no key (PORT=8000)
	@exec .venv/bin/carteira demo --port $(PORT)

test: .venv/installed-for-tests ## every test (PYTEST_ARGS="-k name")
	@sh scripts/check-test-tools.sh
	@.venv/bin/python -m pytest -n 2 $(PYTEST_ARGS)

picture: .venv/installed-for-tests ## take the README's screenshot anew, from the tests' own
	@.venv/bin/python -m pytest -q tests/browser -k picture_in_the_readme
	@cp build/screenshots/leia-me.png docs/img/painel.png

prove: .venv/installed-for-tests ## tell the sync a thousand long stories of edits, kills and troubles; takes an hour
	@CARTEIRA_PROVE=long .venv/bin/python -m pytest tests/test_machine.py $(PYTEST_ARGS)

lint: .venv/installed-for-tests ## ruff and mypy --strict
	@.venv/bin/ruff check .
	@.venv/bin/mypy

audit: | $(UV) ## ask whether a pinned package has a known weakness; needs the network
	@UV=$(UV) sh scripts/audit.sh

bench: .venv/installed-for-tests .bench-venv/installed ## measure against the limits, the bare steps and others
	@.venv/bin/python -m bench

bench-long: .venv/installed-for-tests .bench-venv/installed ## the same with 300,000 and 3,000,000 deals
	@.venv/bin/python -m bench --long

lock: $(UV) ## write the newest allowed versions into the lock files
	$(COMPILE) --upgrade pyproject.toml --output-file requirements.lock
	$(COMPILE) --upgrade pyproject.toml --group dev --constraints requirements.lock --output-file requirements-dev.lock
	$(COMPILE) --upgrade --group build --output-file requirements-build.lock
	$(COMPILE) --upgrade bench/requirements.in --output-file bench/requirements.lock

clean: ## remove what was set up here (the data in CARTEIRA_HOME stays)
	rm -rf .uv .venv .bench-venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis src/carteira/web/static/dist frontend/node_modules

# The stamps remember which lock files a venv was made from. Installing one set removes the packages of the other,
# so the smaller set is not installed over the larger one, which holds it.

.venv/installed: requirements.lock requirements-build.lock pyproject.toml hatch_build.py $(FRONTEND) | .venv/bin/python
	@rm -f .venv/installed-for-tests
	@$(UV) pip sync --quiet --python .venv --require-hashes requirements.lock
	@$(INSTALL)
	@touch $@

.venv/installed-for-tests: requirements-dev.lock requirements-build.lock pyproject.toml hatch_build.py $(FRONTEND) | .venv/bin/python
	@$(UV) pip sync --quiet --python .venv --require-hashes requirements-dev.lock
	@$(INSTALL)
	@touch .venv/installed $@

# What Carteira is measured against never comes into its own venv.
.bench-venv/installed: bench/requirements.lock | $(UV)
	@$(UV) venv --quiet --clear --python .uv/bin/python .bench-venv
	@$(UV) pip sync --quiet --python .bench-venv --require-hashes bench/requirements.lock
	@touch $@

.venv/bin/python: | $(UV)
	@$(UV) venv --quiet --allow-existing --python .uv/bin/python .venv

$(UV):
	@sh scripts/get-uv.sh
