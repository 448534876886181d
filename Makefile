# Everything runs from the checkout's own virtual environment, made by whichever target needs it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCK := requirements.lock
READY := $(VENV)/.ready

.DEFAULT_GOAL := help

.PHONY: help
help: ## what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(READY): $(LOCK) pyproject.toml
	@echo "== virtual environment: $(VENV) (packages as in $(LOCK))"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(LOCK)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.PHONY: setup
setup: $(READY) ## the virtual environment, and the sandbox hub's programs (built once)
	@$(BIN)/python -m ibgu.sandbox.prepare

.PHONY: demo
demo: setup ## a whole hub with 50 simulated clusters and a rollout (DEMO_ARGS=--exit-when-done)
	@$(BIN)/ibgu demo $(DEMO_ARGS)

.PHONY: test
test: setup ## all tests, on a real API server and a real Postgres (TEST_ARGS for pytest)
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest $(TEST_ARGS)
	@$(BIN)/coverage report --include='ibgu/core/*' --fail-under=100 --skip-covered

.PHONY: chaos
chaos: setup ## servers killed, filled, paused and cut off in mid-rollout (CHAOS_SEED, CHAOS_ARGS)
	@$(BIN)/python -m pytest tests/chaos -m "chaos or not chaos" --durations=0 $(CHAOS_ARGS)

.PHONY: check
check: $(READY) ## format, lint, types, layers
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

.PHONY: fmt
fmt: $(READY) ## format the code and sort its imports
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: bench
bench: setup ## the benchmarks, each figure beside its bound (BENCH_ARGS="--clusters 200")
	@$(BIN)/python -m tests.benchmarks $(BENCH_ARGS)

.PHONY: lock
lock: ## pin all packages anew
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
	  --generate-hashes --no-header --no-emit-index-url --quiet -o $(LOCK)

.PHONY: clean
clean: ## remove the virtual environment and what tests left
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .artifacts dist
