# Everything runs from the checkout's own virtual environment, made by whichever target needs it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps
LOCK := requirements.lock
READY := $(VENV)/.ready
CORES := 2
# Most tests wait for a hub, so more of them fit than there are cores.
TEST_WORKERS ?= 5
# Hundreds of processes import the same modules: each would compile them itself.
unexport PYTHONDONTWRITEBYTECODE
# Where the real work agent and the real TALM are at hand, their tests are never skipped.
ifneq ($(wildcard ../shared/neighbours),)
export REQUIRE_NEIGHBOURS ?= 1
endif
PARALLEL = -n $(TEST_WORKERS) --dist loadscope --no-loadscope-reorder

.DEFAULT_GOAL := help

.PHONY: help
help: ## what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

# The lock is complete, so nobody has to find out what else is needed (--no-deps). Its own pip comes
# first: Debian's takes half a minute longer to choose from so many files.
$(READY): $(LOCK) pyproject.toml
	@echo "== virtual environment: $(VENV) (packages as in $(LOCK))"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@sed -n '/^pip==/,/[^\\]$$/p' $(LOCK) | $(PIP) --require-hashes -r /dev/stdin
	@$(PIP) --require-hashes -r $(LOCK)
	@$(PIP) --no-build-isolation -e .
	@touch $@

.PHONY: setup
setup: $(READY) ## the virtual environment, and the sandbox hub's programs (built once)
	@$(BIN)/python -m ibgu.sandbox.prepare

.PHONY: tools
tools: $(READY) ## helm, kubeconform, Prometheus, Compose's loader and Vale, for tests and checks (built once)
	@$(BIN)/python -m tests.tools

# As root, or with sudo where it asks nobody.
ROOT = $(shell test "$$(id -u)" = 0 || echo sudo -n)
APT = $(ROOT) apt-get -qq

INSTALL = $(APT) update && $(APT) install -y --no-install-recommends

.PHONY: node-tools
node-tools:
	@{ command -v rsync && command -v jq && command -v curl && command -v shellcheck; } >/dev/null || { \
	  echo "== rsync, jq, curl and shellcheck, for the tests of the scripts of Jobs"; \
	  { $(INSTALL) rsync jq curl shellcheck; } >/dev/null || { \
	  echo "They could not be installed: apt-get install rsync jq curl shellcheck"; exit 1; }; }

.PHONY: packages
packages: node-tools ## Debian's Chromium, Postgres and tools of a node where there are none, for the tests (CHROMIUM names another browser)
	@test -n "$(CHROMIUM)" || command -v chromium >/dev/null || { \
	  echo "== Chromium, for the tests of the page"; \
	  { $(INSTALL) chromium fonts-dejavu-core; } >/dev/null || { \
	  echo "Chromium could not be installed: apt-get install chromium, or name one in CHROMIUM"; exit 1; }; }
# Debian would start a server of its own beside the tests' ones.
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || { \
	  echo "== Debian's Postgres, for the tests of an installation with TLS"; \
	  { $(INSTALL) postgresql-common && \
	    $(ROOT) sed -i 's/^#*create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf && \
	    $(INSTALL) postgresql; } >/dev/null || { \
	  echo "Postgres could not be installed: apt-get install postgresql"; exit 1; }; }

.PHONY: demo
demo: setup ## a whole hub with 50 simulated clusters and a rollout (DEMO_ARGS=--exit-when-done)
	@$(BIN)/ibgu demo $(DEMO_ARGS)

# Three tiers (tests/tiers.py): quick, what a change must pass, and everything.
CORE_TESTS = $(BIN)/pytest -n $(CORES) --dist worksteal tests/core
OTHER_TESTS = $(BIN)/pytest $(PARALLEL) --ignore tests/core

.PHONY: test-quick
test-quick: $(READY) node-tools ## the core by examples
	@$(CORE_TESTS) -m "not slow"

.PHONY: test
ifeq ($(strip $(TEST_ARGS)),)
test: core-covered other-tests ## what a change must pass, on real servers (REPEAT=5: those five times; TEST_ARGS for pytest, TEST_WORKERS)
else
test: setup tools packages
	@$(BIN)/pytest $(PARALLEL) $(TEST_ARGS)
endif

.PHONY: test-all
test-all: core-covered core-slow all-other-tests ## everything, for the night and before a release

.PHONY: test-times
test-times: TIER ?= test-all
test-times: ## where the time of a tier goes (TIER=test-all), into docs/contributing/tests.md
	@mkdir -p .artifacts && rm -f .artifacts/test-times.jsonl
	@TEST_TIMES=$(CURDIR)/.artifacts/test-times.jsonl $(MAKE) --no-print-directory $(TIER)
	@$(BIN)/python -m tests.times .artifacts/test-times.jsonl

# First, as it takes a minute or two. Plain examples alone have to cover all of the core: to measure
# it takes three times as long as to test, and what walks the same paths again and again adds nothing.
.PHONY: core-covered
core-covered: $(READY) packages
	@echo "== tests/core: examples, and how much of ibgu/core they cover"
	@$(CORE_TESTS) --cov -m "not slow"

.PHONY: core-slow
core-slow: core-covered
	@echo "== tests/core: properties, and rollouts that are interrupted at every point"
	@$(CORE_TESTS) -m slow

.PHONY: servers
servers: setup tools packages
	@$(BIN)/python -m tests.neighbours

REPEAT ?= 1
.PHONY: other-tests
other-tests: core-covered servers
	@echo "== tests of all other parts"
	@$(OTHER_TESTS) -m "not slow"
	@for time in $$(seq 2 $(REPEAT)); do \
	  echo "== tests on real servers, time $$time of $(REPEAT)"; \
	  $(OTHER_TESTS) -m "servers and not slow" || exit 1; \
	done

.PHONY: all-other-tests
all-other-tests: core-slow servers
	@echo "== tests of all other parts, slow ones too"
	@$(OTHER_TESTS)

.PHONY: test-neighbours
test-neighbours: setup ## the tests on the real work agent and the real TALM (TEST_ARGS)
	@$(BIN)/python -m tests.neighbours
	@$(BIN)/pytest $(PARALLEL) tests/neighbours tests/fidelity tests/e2e/test_beside_talm.py tests/e2e/test_talms_crd.py \
	  tests/e2e/test_talm_killed.py tests/e2e/test_talm_killed_late.py \
	  tests/e2e/test_whole_way.py tests/e2e/test_installed_by_the_guide.py $(TEST_ARGS)

.PHONY: chaos
chaos: setup ## servers killed, filled, paused and cut off in mid-rollout (CHAOS_SEED, CHAOS_ARGS)
	@$(BIN)/python -m pytest tests/chaos --durations=0 $(CHAOS_ARGS)

.PHONY: night
night: CLUSTERS ?= 1000
night: setup packages ## an operator's night with CLUSTERS=1000: page, CLI, REST and kubectl compared all along
	@NIGHT_CLUSTERS=$(CLUSTERS) $(BIN)/pytest tests/e2e/test_night.py $(TEST_ARGS)

.PHONY: inspections
inspections: CLUSTERS ?= 500
inspections: setup ## preflight reads CLUSTERS=500 clusters, an eighth of which have planted defects
	@INSPECTED_CLUSTERS=$(CLUSTERS) $(BIN)/pytest --durations=1 tests/e2e/test_inspected_defects.py $(TEST_ARGS)

.PHONY: soak
soak: MINUTES ?= 10
soak: $(READY) ## the simulation, as many seeds as MINUTES allow (SOAK_ARGS="--first 5000")
	@$(BIN)/python -m tests.simulation --minutes $(MINUTES) --json .artifacts/soak.json $(SOAK_ARGS)

.PHONY: figures
figures: soak ## a soak of MINUTES and the proof of the net, into docs/reliability.md
	@$(BIN)/python -m tests.simulation --prove all > .artifacts/net.txt
	@$(BIN)/python -m tests.simulation.figures

.PHONY: check
check: $(READY) ## format, lint, types, layers, plain words, known vulnerabilities of packages
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m tests.prose
	@$(BIN)/python -m tests.security.audit

.PHONY: prose
prose: $(READY) ## plain words in docs, comments and messages (PROSE_ARGS="docs/rest.md"; rules: .vale/)
	@$(BIN)/python -m tests.prose $(PROSE_ARGS)

.PHONY: audit
audit: $(READY) ## do the locked packages have known vulnerabilities? (needs the package index)
	@$(BIN)/python -m tests.security.audit

.PHONY: fuzz
fuzz: MINUTES ?= 5
fuzz: $(READY) ## coverage-guided noise for the parsers of the hub's answers (MINUTES=5)
	@$(BIN)/python -c "import atheris" 2>/dev/null || \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check 'atheris>=3'
	@MINUTES=$(MINUTES) $(BIN)/python -m tests.security.fuzz_parsers

.PHONY: fmt
fmt: $(READY) ## format the code and sort its imports
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: client
client: $(READY) ## generate ibgu/client's methods and structs from the OpenAPI document
	@$(BIN)/python -m tests.client.generator

.PHONY: dashboards
dashboards: $(READY) ## generate Grafana's dashboards in the chart from their code
	@$(BIN)/python -m tests.dashboards

.PHONY: bench
bench: setup ## the benchmarks, each figure beside its bound (BENCH_ARGS="rollout --clusters 200")
	@$(BIN)/python -m tests.benchmarks $(BENCH_ARGS)

.PHONY: compare
compare: TIMES ?= 3
compare: setup ## a benchmark of BASE and of HEAD, in turns (BASE=HEAD~30 BENCH_ARGS="rollout" TIMES=3)
	@test -n "$(BASE)" -a -n "$(BENCH_ARGS)" || { echo "Say which commit and what: make compare BASE=HEAD~30 BENCH_ARGS=rollout"; exit 2; }
	@$(BIN)/python -m tests.benchmarks.compare $(BASE) HEAD --times $(TIMES) -- $(BENCH_ARGS)

.PHONY: pictures
pictures: setup packages ## take the pictures of the page in docs/images, in its tests
	@$(BIN)/pytest tests/web
	@cp .artifacts/page/page-*.png docs/images/

.PHONY: docs
docs: $(READY) ## build the documentation site in .artifacts/site and generate its reference pages
	@$(BIN)/python -m tests.docs.reference
	@NO_MKDOCS_2_WARNING=true $(BIN)/mkdocs build --strict
	@echo "To read it, with search: $(BIN)/python -m http.server -b 127.0.0.1 -d .artifacts/site 8000"

.PHONY: release
release: $(READY) tools ## wheel, sdist, chart, SBOM, licences, notes, checksums in dist/ (RELEASE_ARGS)
	@$(BIN)/python -m tests.release $(RELEASE_ARGS)

# CLI_URL is the folder that the files will be downloaded from.
.PHONY: cli
cli: $(READY) ## the commands as one file for laptops, and krew's manifest, in dist/cli (CLI_URL, CLI_ARGS)
	@$(BIN)/python -m tests.release.cli $(if $(CLI_URL),--url $(CLI_URL)) $(CLI_ARGS)

COMPILE = $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header \
  --no-emit-index-url --quiet
# Of the commands that ask: neither a server nor a database.
CLI_NEEDS := aiohttp cronsim jinja2 msgspec pydantic pydantic-settings pyyaml rich typer \
	tzdata

.PHONY: lock
lock: ## pin the newest versions of all packages, and the same ones for the image
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet uv
	@$(COMPILE) pyproject.toml --extra dev -o $(LOCK)
	@$(COMPILE) pyproject.toml --extra otel -c $(LOCK) --no-annotate -o requirements-image.lock
	@echo 'hatchling>=1.27' | $(COMPILE) - -c $(LOCK) --no-annotate -o requirements-build.lock
	@printf '%s\n' $(CLI_NEEDS) | $(COMPILE) - -c $(LOCK) --no-annotate -o requirements-cli.lock
	@echo 'cryptography>=44' | $(COMPILE) - -c $(LOCK) --no-annotate -o requirements-sandbox.lock

.PHONY: clean
clean: ## remove the virtual environment and what tests left
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .artifacts dist
