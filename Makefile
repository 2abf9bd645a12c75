.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help
help: ## show this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and f"Guanxi needs Python 3.11 or newer; {sys.executable} is {v.major}.{v.minor}. Name another one: make PYTHON=python3.12 ...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing dependencies (hash-checked) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock \
		|| { echo "The Python package registry could not be reached, or a hash differs: see the lines above." >&2; exit 69; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.PHONY: install
install: $(VENV)/.installed ## make .venv from the hash-pinned lock

.PHONY: run
run: install ## start everything: PostgreSQL, Kafka, services, gateway, demo
	@exec $(BIN)/guanxi up

.PHONY: test
test: install ## unit, integration and one end-to-end test
	$(BIN)/pytest -m 'not deep'

.PHONY: test-deep
test-deep: install ## a real bank's import, a role taken away, and faults: kill -9 and freezes of every process
	$(BIN)/pytest -m deep

.PHONY: test-kills
test-kills: install ## the faults alone
	$(BIN)/pytest -m kills tests/faults

.PHONY: lint
lint: install ## ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

.PHONY: types
types: install ## mypy --strict
	$(BIN)/mypy

.PHONY: imports
imports: install ## the import rules of .importlinter
	$(BIN)/lint-imports

.PHONY: migrate
migrate: install ## bring every local database up to date
	@$(BIN)/guanxi migrate

.PHONY: docs
docs: install ## write docs/events anew from the contracts
	$(BIN)/python -m guanxi.documents write

.PHONY: docs-check
docs-check: install ## fail where docs/events is stale
	$(BIN)/python -m guanxi.documents check

.PHONY: format
format: install ## let ruff format and fix what it can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: lock
lock: install ## resolve pyproject.toml into requirements.lock again (needs uv)
	uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-header --no-annotate --all-extras pyproject.toml -o requirements.lock

.PHONY: clean
clean: ## remove .venv and every local database, log and topic
	rm -rf $(VENV) .local build .mypy_cache .ruff_cache .pytest_cache
