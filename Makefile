# The two commands that matter: `make run` and `make test`. Both set up what they need, once.

VENV ?= .venv
PYTHON ?= python3
BARS := $(if $(CI),off,on)

.DEFAULT_GOAL := help
.PHONY: help run test setup lint lock sample bench clean

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

run: setup  ## Run the barometer on data/raw and publish to data/warehouse
	@$(VENV)/bin/barometer run

test: setup  ## Run all tests
	@echo "Running the tests, one file on each processor, the longest first"
	@$(VENV)/bin/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder --durations 15

setup: $(VENV)/.at-hand  ## Make the virtual environment from requirements.lock

# what depends on the code alone, so that no run has to work it out
$(VENV)/.at-hand: $(VENV)/.ready $(shell find sql flows/core -type f -not -name '*.pyc')
	@echo "Tracing the lineage of the models (a few seconds)"
	@$(VENV)/bin/python -m flows.core.at_hand
	@touch $@

$(VENV)/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name it with make PYTHON=python3.12 …"; exit 1; }
	@echo "Setting up $(VENV) from requirements.lock (once; two minutes or so)"
	@$(PYTHON) -m venv $(VENV)
	@# the lock file is complete, so nothing is left to resolve (and pip could not: it knows no hash for an extra)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --progress-bar $(BARS) \
		--require-hashes --no-deps --no-compile --requirement requirements.lock
	@# pip would compile with one processor; what cannot be compiled is nothing that is used
	@$(VENV)/bin/python -m compileall -qq --workers 0 $(VENV)/lib || true
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

lint: setup  ## Check the style of the Python files
	@$(VENV)/bin/ruff check flows tests benchmarks data
	@$(VENV)/bin/ruff format --check flows tests benchmarks data

lock: setup  ## Write requirements.lock anew from pyproject.toml (names, versions, hashes; for Python 3.11 and newer)
	@$(VENV)/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --extra test --extra build \
		--no-header --no-annotate --quiet pyproject.toml --output-file requirements.lock

sample: setup  ## Write the synthetic sample in data/raw anew
	@$(VENV)/bin/python data/make_sample.py

bench: setup  ## Compare the barometer with bare DuckDB (FACTOR=0.1)
	@$(VENV)/bin/python benchmarks/compare.py --factor $(or $(FACTOR),0.1)

clean:  ## Remove everything built, not the deliveries
	rm -rf data/warehouse $(VENV)

-include deploy.mk
