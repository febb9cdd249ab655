# Everything that is done with this repository.  `make` alone lists it.
# Needs make and Python 3.11 or newer; the rest is installed into $(VENV), from files that pin every hash.

VENV ?= .venv
PYTHON ?=
PORT ?= 8420
JOBS ?= 2
TESTS ?= tests
# A sketch is measured by the benchmark that compares with it.
BENCH ?= $(filter-out %_sketch.py,$(wildcard benchmarks/*.py))
ARGS ?=

BIN := $(VENV)/bin
# pip keeps to PIP_CACHE_DIR, PIP_INDEX_URL and its configuration files; nothing here overrides them.
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
PYTEST := $(BIN)/pytest
SPRITE := src/gatepost/server/console/static/vendor/sprite.svg
PEER := tests/peers/oidc_provider
SAML := tests/peers/saml_idp
OPENFGA_SDK := tests/peers/openfga_js
PEERS := .cache/peers
CODE := src tests tools $(wildcard benchmarks)

# CI has what the tests need, so a skipped test there is a failure: see tools/no_skips.py.
ifeq ($(CI),true)
PYTEST := PYTHONPATH=tools $(PYTEST) -p no_skips
endif

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo serve test test-peers peers check bench bench-check reference lock assets format wheel clean
.PHONY: check-format check-lint check-types check-house check-assets

help: ## list these targets
	@echo "make TARGET, where TARGET is one of:"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' $(firstword $(MAKEFILE_LIST)) | awk -F'|' '{printf "%-14s %s\n", $$1, $$2}'
	@echo "Variables: PORT=$(PORT) JOBS=$(JOBS) TESTS=$(TESTS) VENV=$(VENV) PYTHON= ARGS="

demo: $(VENV)/.demo $(SPRITE) ## a sample data platform and its identity provider, on this machine (PORT=8420)
	@$(BIN)/gatepost demo --port $(PORT) $(ARGS)

serve: $(VENV)/.demo $(SPRITE) ## the server on ./gatepost.db (PORT=8420, ARGS="--config gatepost.toml")
	@$(BIN)/gatepost serve --port $(PORT) $(ARGS)

test: $(VENV)/.dev $(SPRITE) ## the whole test suite, on SQLite and PostgreSQL (TESTS=tests/access, JOBS=2)
	$(PYTEST) -n $(JOBS) -m "not peer" $(TESTS) $(ARGS)

# What takes long to start is asked for by one file or two, and each file has one process.
test-peers: $(VENV)/.dev $(SPRITE) peers ## tests against other people's real programs, such as OpenID providers
	$(PYTEST) -n $(JOBS) --dist loadfile -m peer tests $(ARGS)

peers: $(PEER)/node_modules/.package-lock.json $(SAML)/node_modules/.package-lock.json $(OPENFGA_SDK)/node_modules/.package-lock.json $(PEERS)/keycloak.made $(PEERS)/dex.made $(PEERS)/openfga.made $(PEERS)/envoy.made $(PEERS)/traefik.made

check: check-format check-lint check-types check-house check-assets ## format, lint, types, house rules, pinned front-end files

check-format: $(VENV)/.dev
	$(BIN)/ruff format --check --output-format=concise $(CODE)

check-lint: $(VENV)/.dev
	$(BIN)/ruff check --output-format=concise $(CODE)

check-types: $(VENV)/.dev
	$(BIN)/mypy $(CODE)

check-house: $(VENV)/.dev $(SPRITE)
	$(PYTEST) -q tests/house

check-assets: $(SPRITE)
	$(BIN)/python tools/assets.py --check

format: $(VENV)/.dev ## format the code and mend what ruff can mend
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

bench: $(VENV)/.dev $(SPRITE) $(PEERS)/openfga.made $(PEERS)/oauth2_proxy.made ## the benchmarks, one after the other (BENCH=benchmarks/check.py, ARGS are passed on)
	@for each in $(BENCH); do echo "== $$each" && $(BIN)/python $$each $(ARGS) || exit 1; done

bench-check: $(VENV)/.dev $(SPRITE) ## how fast `check` is at 10,000, 1,000,000 and 10,000,000 tuples (takes 8 GB and some minutes)
	$(BIN)/python benchmarks/check.py $(ARGS) 10000 1000000 10000000

reference: $(VENV)/.dev ## write docs/reference/ from the code
	$(BIN)/python tools/reference.py

lock: $(VENV)/.dev ## compile requirements/*.txt and frontend/package-lock.json anew (ARGS=--upgrade)
	tools/lock.sh $(BIN)/uv $(ARGS)
	$(BIN)/python tools/assets.py --lock

assets: $(SPRITE) ## the front-end files from npm, with the machine's Node or the one from PyPI

wheel: $(VENV)/.dev $(SPRITE) ## dist/gatepost-*.whl, with the front-end files in it
	$(BIN)/python -m hatchling build -t wheel

clean: ## remove everything that make made here
	rm -rf $(VENV) dist frontend/node_modules $(PEER)/node_modules $(SAML)/node_modules $(OPENFGA_SDK)/node_modules $(PEERS) $(dir $(SPRITE)) .mypy_cache .ruff_cache .pytest_cache

# Each stamp is younger than what it was made from, so a second run has nothing to do.

$(VENV)/.made:
	@tools/make_venv.sh $(VENV) $(PYTHON)
	@touch $@

$(VENV)/.demo: $(VENV)/.made requirements/demo.txt pyproject.toml
	@echo "Installing requirements/demo.txt into $(VENV)"
	@$(PIP) install --require-hashes -r requirements/demo.txt
	@$(PIP) install --no-build-isolation --no-deps --no-index --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.made requirements/dev.txt pyproject.toml
	@echo "Installing requirements/dev.txt into $(VENV)"
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@$(PIP) install --no-build-isolation --no-deps --no-index --editable .
	@touch $@ $(VENV)/.demo

$(SPRITE): frontend/package-lock.json frontend/package.json frontend/assets.toml frontend/vendor.sha256 tools/assets.py tools/npm.py | $(VENV)/.made
	@echo "Copying front-end files from npm"
	@$(BIN)/python tools/assets.py
	@touch $@

$(PEER)/node_modules/.package-lock.json $(SAML)/node_modules/.package-lock.json $(OPENFGA_SDK)/node_modules/.package-lock.json: %/node_modules/.package-lock.json: %/package-lock.json | $(VENV)/.made
	@echo "Installing from npm, for the tests: $(notdir $*)"
	@$(BIN)/python tools/npm.py $* ci
	@touch $@

# Where the machine has no Java, Maven or Go the recipe says so and makes no stamp: the tests are skipped, save on CI.
$(PEERS)/keycloak.made: tests/peers/keycloak/keycloak.sha256 | $(VENV)/.made
	@echo "Fetching Keycloak, for the tests"
	@$(BIN)/python tools/peers.py keycloak $(basename $@)

$(PEERS)/openfga.made: $(wildcard tests/peers/openfga/*) | $(VENV)/.made
	@echo "Building OpenFGA, for the benchmarks"
	@$(BIN)/python tools/peers.py openfga $(basename $@)

$(PEERS)/oauth2_proxy.made: $(wildcard tests/peers/oauth2_proxy/*) | $(VENV)/.made
	@echo "Building oauth2-proxy, for the benchmarks"
	@$(BIN)/python tools/peers.py oauth2_proxy $(basename $@)

$(PEERS)/envoy.made: tests/peers/envoy/envoy.txt | $(VENV)/.made
	@echo "Fetching Envoy, for the tests"
	@$(BIN)/python tools/peers.py envoy $(basename $@)

$(PEERS)/traefik.made: $(wildcard tests/peers/traefik/*) | $(VENV)/.made
	@echo "Building Traefik, for the tests (some minutes, the first time)"
	@$(BIN)/python tools/peers.py traefik $(basename $@)

$(PEERS)/dex.made: $(wildcard tests/peers/dex/*) | $(VENV)/.made
	@echo "Building Dex, for the tests"
	@$(BIN)/python tools/peers.py dex $(basename $@)
