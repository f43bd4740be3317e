# Batchyard. `make demo` and `make test` do all set-up themselves; everything they make lies in .batchyard/.
SHELL := /bin/sh
PYTHON ?= $(shell command -v python3.11 || command -v python3)
HOME_FOLDER := $(or $(BATCHYARD_HOME),.batchyard)
VENV := $(HOME_FOLDER)/venv/bin
BATCHYARD := $(HOME_FOLDER)/bin/batchyard
UV ?= $(shell command -v uv || echo $(HOME_FOLDER)/uv/bin/uv)
TESTS ?=

# compiled Python is kept out of the tree, and kept: the same two settings as local/home.py
export PYTHONPYCACHEPREFIX := $(abspath $(HOME_FOLDER))/cache/bytecode
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup demo up-local down-local test unit lint check format bench schema lock clean

help: ## what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

setup: ## make this machine ready; finds before it installs, goes on after an interruption
	@$(PYTHON) -m local.setup

demo: setup ## bring the stage up, send real files through it, show what each run used and cost
	@$(BATCHYARD) demo

up-local: setup ## bring the local stage up (again)
	@$(VENV)/python -m local.stage up

down-local: ## destroy the local stage and stop its emulator
	@$(VENV)/python -m local.stage down

test: lint ## everything that is checked
	@$(VENV)/python -m pytest -q --durations=5 $(TESTS)
	@echo "make test: lint and all tests passed"

unit: setup ## only the tests that need neither engine nor containers
	@$(VENV)/python -m pytest -q tests/unit jobs

lint: setup ## ruff, formatting, types, imports
	@$(VENV)/ruff check --quiet --no-cache --output-format concise .
	@$(VENV)/ruff format --quiet --no-cache --check .
	@$(VENV)/mypy --cache-dir $(HOME_FOLDER)/cache/mypy --no-error-summary .
	@$(VENV)/lint-imports --no-cache --config pyproject.toml > $(HOME_FOLDER)/logs/lint-imports.log || { cat $(HOME_FOLDER)/logs/lint-imports.log; exit 1; }
	@echo "lint passed"

check: test ## what CI runs, and the checks of every job
	@$(BATCHYARD) jobs check

format: ## let ruff format and mend
	@$(VENV)/ruff format --no-cache . && $(VENV)/ruff check --no-cache --fix .

bench: setup ## make bench NAME=local_lane runs bench/local_lane.py
	@test -n "$(NAME)" || { echo "which? make bench NAME=<one of: $(basename $(notdir $(wildcard bench/*.py)))>"; exit 2; }
	@PYTHONPATH=. $(VENV)/python -P bench/$(NAME).py

schema: ## write the JSON schema of job.yaml for editors
	@$(BATCHYARD) jobs schema > docs/job.schema.json

lock: setup ## requirements.lock anew from pyproject.toml: hashed, without the address of any index
	@env -u UV_EMIT_INDEX_URL -u UV_EMIT_FIND_LINKS $(UV) pip compile pyproject.toml --group local --group dev --universal \
		--generate-hashes --python-version 3.11 --no-emit-index-url --quiet -o requirements.lock

clean: ## stop every process of ours, remove .batchyard/
	@$(PYTHON) -m local.setup.clean
