# Correo: `make demo` shows it, `make test` tests it, `make` is what to run before each commit.
# Everything is installed into .venv; nothing outside this folder is touched (but for test-deps and bench-deps, which say so).

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
UNIT   := not interop and not crash and not slow

.DEFAULT_GOAL := check
.PHONY: check demo test test-deps test-pythons bench bench-deps faults fuzz fuzz-examples format format-check types unit simulate soak setup clean

check: format-check types unit ## format, types, architecture, unit tests and transcripts: two or three minutes

setup: $(STAMP)

# uv is used where it is installed, because it is faster; plain venv and pip do the same.
$(STAMP): pyproject.toml
	@if command -v uv >/dev/null 2>&1; then \
	  uv venv --quiet --allow-existing --python $(PYTHON) $(VENV) && uv pip install --quiet --python $(BIN)/python -e '.[dev]'; \
	else \
	  test -x $(BIN)/python || $(PYTHON) -m venv $(VENV); \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary :all: --no-binary correo -e '.[dev]'; \
	fi
	@touch $@

demo: setup ## the whole journey once, on loopback
	@$(BIN)/correo demo

format: setup
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

format-check: setup
	@$(BIN)/ruff format --check --quiet . || { echo 'make format puts this right'; exit 1; }
	@$(BIN)/ruff check --quiet .

types: setup
	@$(BIN)/mypy

# Unit tests and transcripts share nothing, so they use every core; what starts servers or kills them runs alone.
unit: setup
	@$(BIN)/pytest -n auto -m '$(UNIT)'

test: setup ## everything; interop tests run where their programs are installed
	@$(BIN)/ruff format --check --quiet . && $(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/pytest -n auto -rs -m '$(UNIT)'
	@$(BIN)/pytest -rs -m 'not ($(UNIT))'
	@$(MAKE) --no-print-directory test-pythons

# The other Pythons that are installed (3.11 is the floor) run the unit tests and transcripts in environments of their own. The
# system's own is one of them: Debian 12 has an early 3.11, which is not the one that developers have.
OTHERS ?= /usr/bin/python3 python3.12 python3.13
test-pythons: setup
	@seen=" $$($(BIN)/python -c 'import platform; print(platform.python_version())') "; \
	for python in $(OTHERS); do \
	  version=$$($$python -c 'import sys, platform, venv, ensurepip; assert sys.version_info >= (3, 11); print(platform.python_version())' 2>/dev/null) \
	    || { echo "$$python is not installed, or without venv, or older than 3.11: not tested with it"; continue; }; \
	  case "$$seen" in *" $$version "*) continue;; esac; seen="$$seen$$version "; \
	  echo "Python $$version"; \
	  $(MAKE) --no-print-directory unit PYTHON=$$python VENV=.venv/$$version || exit 1; \
	done

test-deps: ## installs the Debian packages of the interop tests (needs root)
	tests/interop/install

# Guided by coverage (atheris, where there is a wheel of it for this Python): all targets in turn with equal shares of MINUTES, or
# TARGET=mime alone. KEEP=1 puts what reaches more into tests/fuzz/corpus. docs/reliability.md says what is fuzzed.
TARGET ?=
MINUTES ?= 5
KEEP ?=
ATHERIS := atheris>=3
fuzz: setup ## TARGET=imap-framing MINUTES=60, or all of them for five minutes
	@$(BIN)/python -c 'import atheris' 2>/dev/null \
	  || { command -v uv >/dev/null 2>&1 && uv pip install --quiet --only-binary :all: --python $(BIN)/python '$(ATHERIS)'; } \
	  || $(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary :all: '$(ATHERIS)' \
	  || echo 'There is no wheel of atheris for this Python: the runner in tests/fuzz does it more slowly.'
	@$(BIN)/python -m tests.fuzz $(TARGET) --minutes $(MINUTES) $(if $(KEEP),--keep)

# The generated examples of tests/fuzz and tests/simulation, FUZZ times as many: FUZZ=1000 runs for hours.
FUZZ ?= 25
fuzz-examples: setup
	@CORREO_FUZZ=$(FUZZ) $(BIN)/pytest -n auto tests/fuzz tests/simulation

# A world of servers in which everything fails now and then (docs/reliability.md). The same SEED goes the same way; RUNS=1000 tries as many.
# SEED=1-100 TABLE=docs/seeds.tsv writes the published table; VERBOSE=1 tells what was met, too.
SEED ?=
RUNS ?= 1
HOURS ?= 10
SERVERS ?= 3
LETTERS ?= 0
TABLE ?=
VERBOSE ?=
simulate: setup ## SEED=7 HOURS=168 SERVERS=4 LETTERS=3300 is a week of 10,000 messages
	@$(BIN)/python -m tests.simulation $(if $(SEED),--seed $(SEED)) --runs $(RUNS) --hours $(HOURS) --servers $(SERVERS) --letters $(LETTERS) \
	  $(if $(TABLE),--table $(TABLE)) $(if $(VERBOSE),--verbose)

# Real servers under load, for as long as one likes; the table is left in build/soak.md. ROW=tls or ROW="crowd steady" runs these alone.
CONNECTIONS ?= 4000
soak: setup ## MINUTES of steady load, CONNECTIONS around it, TLS a hundred thousand times, peers that stop, drains: half an hour
	@$(BIN)/python -m tests.soak $(if $(findstring file,$(origin MINUTES)),,--minutes $(MINUTES)) --connections $(CONNECTIONS) $(ROW)

# The real server: killed at random moments, its disk full, its system calls failing. The table is left in build/faults.md.
faults: setup ## MINUTES of kills, then every injected error and full disks; SEED=7 makes the same choices again
	@$(BIN)/python -m tests.faults --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

# ROW=idle, or ROW="imap pop3", runs these alone; QUICK=1 tries all of them in a few minutes, and then the figures mean nothing. The names
# are in bench/run.py; docs/performance.md tells what they measure. Written to build/ as Markdown, JSON and a picture.
bench: setup ## beside Postfix and Dovecot where they are installed: an hour or two
	@$(BIN)/python bench/run.py $(ROW) $(if $(QUICK),--quick) $(if $(ROUNDS),--rounds $(ROUNDS))

bench-deps: test-deps ## installs what the benchmarks compare with: the same Debian packages (needs root)

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .hypothesis
