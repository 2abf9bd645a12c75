.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
AT_ONCE := -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder
LOCKED := --quiet --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-header --no-annotate

.PHONY: help
help: ## show this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(VENV)/.installed: requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON) here: install Python 3.11 or newer, or name one: make PYTHON=python3.12 ..." >&2; exit 69; }
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and "Guanxi needs Python 3.11 or newer; %s is %d.%d. Name another one: make PYTHON=python3.12 ..." % (sys.executable, v[0], v[1]))'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) >/dev/null \
		|| { rm -rf $(VENV); echo "$(PYTHON) lacks venv or pip: install them (on Debian: python3-venv)." >&2; exit 69; }
	@echo "installing dependencies (hash-checked) ..."
	@{ $(BIN)/python -m pip install --retries 2 --disable-pip-version-check --require-hashes -r requirements.lock \
		&& $(BIN)/python -m pip install --disable-pip-version-check --no-deps --no-build-isolation -e .; } >$(VENV)/pip.log 2>&1 \
		|| { echo "The packages could not be installed: $$(grep -m1 ERROR $(VENV)/pip.log); reach the package registry or set PIP_INDEX_URL to a mirror, and repeat (all of it: $(VENV)/pip.log)." >&2; exit 69; }
	@touch $@

.PHONY: install
install: $(VENV)/.installed ## make .venv from the hash-pinned lock

.PHONY: run
run: install ## start everything: PostgreSQL, Kafka, services, gateway, demo (SPLIT=1 REPLICAS=2 as in production)
	@exec $(BIN)/guanxi up $(if $(SPLIT),--split) $(if $(REPLICAS),--replicas $(REPLICAS))

.PHONY: test
test: install ## unit, integration and end-to-end tests, a process for each core
	$(BIN)/pytest $(AT_ONCE) -m 'not deep and not cluster'

.PHONY: test-deep
test-deep: install ## a real bank's import, roles taken away, every process killed and frozen, two minutes of soak
	$(BIN)/pytest $(AT_ONCE) -m 'deep and not kills and not soak and not cluster'
	$(BIN)/pytest -m 'kills or soak'

.PHONY: scale
scale: install ## the demo bank at 2,000 and at 30,000 customers: rate, queues, and the 360° view's tail (about half an hour)
	@$(BIN)/python -m bench.scale

.PHONY: soak
soak: install ## twenty minutes under half of what the production shape can do: nothing grows, and the view is true
	GUANXI_SOAK_MINUTES=20 $(BIN)/pytest -s tests/soak

.PHONY: cluster-test
cluster-test: install ## on a real node of Kubernetes: our images, roll-outs under load, kills (needs root; the first time builds long)
	$(BIN)/python -m tests.cluster.node

.PHONY: compose-test
compose-test: install ## compose.yaml on a real container engine, in a network of its own (needs root)
	$(BIN)/python -m tests.cluster.compose

.PHONY: test-kills
test-kills: install ## the faults alone: they need the machine for themselves
	$(BIN)/pytest -m kills

.PHONY: bench
bench: install ## each figure beside its floor, from the same run
	@$(BIN)/python -m bench

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

.PHONY: release
release: docs ## promise what the documents say now: from then on they are added to, and nothing in them goes away
	$(BIN)/python -m guanxi.documents release
	$(BIN)/python -m gateway.documents release

.PHONY: docs
docs: install ## write docs/events and docs/api anew, from contracts and code
	$(BIN)/python -m guanxi.documents write
	$(BIN)/python -m guanxi.events_page write
	$(BIN)/python -m gateway.documents write
	$(BIN)/guanxi topics render > deploy/k8s/kafka-strimzi/resources.yaml
	$(BIN)/python -m guanxi.cluster.rules > deploy/k8s/components/monitoring/rules.yaml

.PHONY: docs-check
docs-check: install ## fail where docs/events or docs/api is stale
	$(BIN)/python -m guanxi.documents check
	$(BIN)/python -m guanxi.events_page check
	$(BIN)/python -m gateway.documents check

.PHONY: format
format: install ## let ruff format and fix what it can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: lock
lock: install ## resolve pyproject.toml into requirements.lock again (needs uv)
	uv pip compile $(LOCKED) --all-extras pyproject.toml -o requirements.lock
	uv pip compile $(LOCKED) --constraints requirements.lock pyproject.toml -o deploy/requirements.lock
	uv pip compile $(LOCKED) --constraints requirements.lock --extra local pyproject.toml -o deploy/servers/requirements.lock

.PHONY: clean
clean: ## remove .venv and every local database, log and topic
	rm -rf $(VENV) .local build .mypy_cache .ruff_cache .pytest_cache
