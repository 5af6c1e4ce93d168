# Everything a fresh Debian 12 or 13 with python3, git and make needs; run as root, since the lab starts Docker Engines.
#   make demo    sets up, then shows a clean check and one that finds four drifts, on two real Docker hosts
#   make test    sets up, then runs every check and every test

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
WORKERS ?= 2

# Debian packages that a bare system may lack: what makes the virtual environment, and what anchorwatch itself calls.
NEEDED := $(shell $(PYTHON) -c 'import ensurepip' 2>/dev/null || echo python3-venv) \
          $(shell command -v ssh >/dev/null || echo openssh-client) \
          $(shell command -v git >/dev/null || echo git) \
          $(shell test -e /etc/ssl/certs/ca-certificates.crt || echo ca-certificates)
NEEDED := $(strip $(NEEDED))

.PHONY: help setup test lint types imports pytest demo bench lab-fetch lab-up lab-down lab-status clean

help:  ## what there is to make
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

setup: $(READY)  ## a virtual environment with anchorwatch and its locked dependencies in .venv

$(READY): requirements-dev.lock pyproject.toml
ifneq ($(NEEDED),)
	@if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
	    echo "These are missing, and installing them takes root on Debian or Ubuntu: $(NEEDED)" >&2; \
	    echo "Try: sudo apt-get install $(NEEDED)" >&2; exit 1; fi
	apt-get -qq update
	DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $(NEEDED) >/dev/null
endif
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

test: lint types imports pytest  ## every check and every test

lint: setup  ## ruff: mistakes and layout
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: setup  ## mypy, strict
	$(BIN)/mypy

imports: setup  ## which room may import which
	$(BIN)/lint-imports

pytest: setup lab-fetch  ## the tests alone
	$(BIN)/pytest --numprocesses $(WORKERS)

demo: setup  ## two Docker hosts in order, four drifts made by hand, and what anchorwatch says
	$(PYTHON) -m lab demo

bench: setup  ## how long a check takes, beside the script it grew out of
	$(BIN)/python -m bench.check

lab-fetch:  ## fetch the lab's Docker Engines and Compose into .lab
	$(PYTHON) -m lab fetch

lab-up:  ## start the two hosts and leave them running
	$(PYTHON) -m lab up

lab-down:  ## take them down; nothing is left behind
	$(PYTHON) -m lab down

lab-status:  ## what runs
	$(PYTHON) -m lab status

clean: ## the virtual environment, the lab and every cache
	-test ! -d .lab || $(PYTHON) -m lab down
	rm -rf .venv .lab .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
