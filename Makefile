# make setup | demo | test | lint | docs | bench | sanitize | wheel | clean
# Each sets up .venv first, and only when pyproject.toml, constraints.txt or the C++ changed. Needs Debian's python3,
# python3-venv, gcc (g++ and python3-dev for the compiled part; without them the reference serves) and make.

PYTHON ?= python3
# Test processes; each imports torch, so more than a few only cost memory.
JOBS ?= $(shell n=$$(nproc 2>/dev/null || echo 2); echo $$((n < 8 ? n : 8)))
DEMO ?= cora-gat
# Random graphs for make sanitize.
GRAPHS ?= 100000

BIN := .venv/bin
SETUP := .venv/.setup
PIP := $(BIN)/python -m pip install --disable-pip-version-check --constraint constraints.txt
# One thread a process: the tests run in parallel, and oversubscribed threads spin.
ONE_THREAD := OMP_NUM_THREADS=1

.PHONY: setup demo test lint docs bench sanitize wheel clean
.DEFAULT_GOAL := test

setup: $(SETUP)

$(SETUP): pyproject.toml constraints.txt CMakeLists.txt $(wildcard src/native/*)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "edgewise needs Python 3.11 or newer, and $(PYTHON) is older: make PYTHON=python3.12 ..."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "$(PYTHON) cannot make virtual environments: apt-get install python3-venv"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) --quiet scikit-build-core nanobind cmake ninja
	$(PIP) --quiet --no-build-isolation --editable '.[all,dev]'
	@$(BIN)/python -c 'from edgewise import native; print("edgewise: compiled part " + (native.module().cpu_level() if native.available() else "missing, running on the reference"))'
	@touch $(SETUP)

demo: $(SETUP)
	$(BIN)/edgewise train $(DEMO) --out runs/demo --overwrite

test: lint
	$(ONE_THREAD) $(BIN)/python -m pytest -q -n $(JOBS) --dist loadfile $(PYTEST)

lint: $(SETUP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(SETUP)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# BENCH=--quick sees that everything works; BENCH=--save keeps the figures, on a quiet machine.
bench: $(SETUP)
	$(BIN)/python benchmarks $(BENCH)

# The compiled part under AddressSanitizer and UBSan: its tests, and random graphs.
sanitize: $(SETUP)
	$(BIN)/python tools/sanitize.py --graphs $(GRAPHS)

# The sdist, and the wheel built from the sdist.
wheel: $(SETUP)
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist .
	ls -l dist

clean:
	rm -rf build dist site runs .pytest_cache .mypy_cache .ruff_cache .hypothesis .venv src/edgewise/_native.*.so
