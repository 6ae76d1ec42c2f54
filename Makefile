# The commands of this repository. `make help` lists them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STATE  ?= .state
WORKERS ?= 3
SEEDS ?= 20000
FIRST ?= 1000
MINUTES ?= 60
PACKAGES := libs/common services/ingest services/retention services/access services/backup services/report deploy/local
export PYTHONDONTWRITEBYTECODE ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo up test test-system system-packages check bench bench-district scale soak contracts lock clean

help: ## list these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 20

setup: $(VENV)/.ready ## make the virtual environment from the hash-pinned lock

$(VENV)/.ready: requirements.lock $(addsuffix /pyproject.toml,$(PACKAGES))
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Reelwarden needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing the pinned dependencies into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation $(addprefix -e ,$(PACKAGES))
	@touch $@

demo: setup ## play the whole story on real servers (FOOTAGE=/folder plays it on a copy of yours)
	@$(BIN)/reelwarden demo --state $(STATE)/demo $(if $(FOOTAGE),--footage "$(FOOTAGE)")

up: setup ## the same stack, kept running until Ctrl-C
	@$(BIN)/reelwarden up --state $(STATE)/up

test: setup ## all tests that need wheels only
	@$(BIN)/python -m pytest -m "not system and not bench and not scale" -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

test-system: setup ## the tests that need Debian's packages (make system-packages)
	@$(BIN)/python -m pytest -m "system" $(ARGS)

system-packages: ## install what make test-system needs (Debian or Ubuntu, as root)
	apt-get update -q
	apt-get install -qy --no-install-recommends $$(grep -v '^#' system-packages.txt)

check: setup ## ruff, mypy strict, import contracts, contract drift
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python -m reelwarden_common.contracts --check
	@$(BIN)/reelwarden nats-config --check
	@$(BIN)/reelwarden manifests --check
	@$(BIN)/reelwarden migrations --check

bench: setup ## measure against bare loops, one JSON line each
	@$(BIN)/python -m tests.bench

bench-district: setup ## the same at a district's size: many minutes, 40 GB of disk
	@$(BIN)/python -m tests.bench district memory

scale: setup ## replicas that come and go under load, and a hundred real school servers: some minutes
	@$(BIN)/python -m pytest -m "scale" tests/scale $(ARGS)

soak: setup ## many seeds of the simulation, from FIRST, at most SEEDS and MINUTES; prints those that fail
	@$(BIN)/python -m tests.simulation --first $(FIRST) --seeds $(SEEDS) --minutes $(MINUTES)

contracts: setup ## write JSON Schema, examples, AsyncAPI and NATS configurations from the event models
	@$(BIN)/python -m reelwarden_common.contracts --write
	@$(BIN)/reelwarden nats-config
	@$(BIN)/reelwarden manifests

lock: setup ## pin requirements.in anew (needs uv on the PATH)
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-annotate --no-header --python-version 3.11 -q requirements.in -o requirements.lock --upgrade

clean: ## remove the virtual environment and all state
	rm -rf $(VENV) .state
