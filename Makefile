# `make help` lists what there is. Everything runs in .venv, which `make setup` makes from the pinned lock.

PYTHON ?= python3.11
BIN := .venv/bin
READY := .venv/.ready
SOURCES := bakeoff models registry tasks

# Many tests wait for something, so there are two processes more than cores; tests/fixtures/spread.py spreads the tests.
PROCESSES ?= $$(($$(nproc) + 2))
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
PYTEST = $(BIN)/python -m pytest -n $(PROCESSES) --dist loadfile --no-loadscope-reorder $(if $(filter random,$(ORDER)),--shuffle $(SHUFFLE))
SHUFFLE := $(shell date +%s)

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-services test-durations chaos bench check format docs vendor site lock clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  \033[1m%-14s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY)  ## Make .venv from the lock, by uv: that of the machine, or the one in the lock

# pip takes four times as long as uv. It makes the environment where uv finds no registry: their settings differ.
$(READY): requirements.lock pyproject.toml
	@if command -v uv >/dev/null 2>&1; then uv venv --quiet --seed --allow-existing --python $(PYTHON) .venv; \
	else $(PYTHON) -m venv .venv && sed -n '/^uv==/,/[^\]$$/p' requirements.lock | $(PIP) --require-hashes -r /dev/stdin; fi
	@PATH="$$PATH:$(BIN)"; uv pip sync --quiet --require-hashes --python $(BIN)/python requirements.lock || \
	  $(PIP) --no-compile --require-hashes -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@# Else each start compiles what it imports, but for tests of others. Not all files of others can be compiled.
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m compileall -q -j 0 $(SOURCES)
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m compileall -qq -j 0 -x '/tests?/' .venv/lib || true
	@touch $@

demo: setup  ## Run a bake-off of the shipped candidates, with a real Redis and a real Celery worker
	@$(BIN)/bakeoff run breast_cancer --with broken || [ $$? -eq 3 ]

test: setup  ## Run the tests, but for those that need servers: SERVICES=yes ORDER=random SHUFFLE=7 HYPOTHESIS_PROFILE=thorough
	@$(PYTEST) $(if $(filter yes,$(SERVICES)),,-m "not services")

test-services: setup  ## Run the tests that need servers (PostgreSQL, MLflow, Chromium)
	@$(PYTEST) -m services

test-durations: setup  ## Write down how long each file takes, by which `make test` spreads them
	@$(PYTEST) --write-durations

ROUNDS ?= 3
SEED ?= 7
DATABASE ?= sqlite

chaos: setup  ## Kill whatever can be killed while runs are under way: ROUNDS=200 SEED=7 DATABASE=postgresql
	@TESTS_EXEC=1 $(BIN)/python tests/chaos/run.py --database $(DATABASE) --rounds $(ROUNDS) --seed $(SEED)

BENCH ?= t1 t2 t3
TIMES ?= 5

bench: setup  ## Bake-offs beside joblib and plain Celery: BENCH="t1 growth" TIMES=3; figures to build/bench.json
	@$(BIN)/python -m benchmarks.bakeoffs.beside_others $(BENCH) --times $(TIMES) --json build/bench.json

check: setup  ## Format, lint, types and import floors, without changing anything
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --num-workers auto
	@$(BIN)/lint-imports --no-logo

format: setup  ## Format the code, and mend what ruff can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

docs: demo  ## Generate the pages of settings and commands, and the pictures
	@$(BIN)/bakeoff config --markdown > docs/reference/configuration.md
	@$(BIN)/python docs/generate/commands.py docs/reference/commands.md
	@$(BIN)/python docs/generate/leaderboard.py docs/pictures/leaderboard.svg
	@$(BIN)/python docs/generate/report_picture.py docs/pictures/report.png
	@$(BIN)/python docs/generate/page_pictures.py docs/pictures

vendor: setup  ## Fetch again what the pages need of others, from npm, as VENDORED.toml says
	@$(BIN)/python docs/generate/fetch_vendored.py bakeoff/web/static/vendor

site: setup  ## Make build/site from docs/: pages, search, the Python reference; a broken link is an error
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --clean

LOCK := uv pip compile --quiet --universal --python-version 3.11 --all-extras --generate-hashes --no-emit-index-url --no-header

lock:  ## Resolve requirements.lock again, and runtime.lock within it, for Python 3.11 and 3.12 (needs uv)
	$(LOCK) --group dev --group site --upgrade --output-file requirements.lock pyproject.toml
	$(LOCK) --group build --constraint requirements.lock --output-file runtime.lock pyproject.toml

clean:  ## Remove the environment and all data
	rm -rf .venv data build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
