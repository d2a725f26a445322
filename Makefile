# Every target sets up what it needs; nothing is installed outside .venv but Debian's test tools.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: bench-paper bench-portal bench-electronic help setup nightly airflow test proof lint types bench lock docs env debian

# Python then reads its compiled files: Airflow's import takes 1.8 s with them, 5.4 s without.
unexport PYTHONDONTWRITEBYTECODE
unexport VIRTUAL_ENV
unexport PYTHONHOME

VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## Install into .venv; quick when nothing changed
	@:

$(READY): requirements.txt pyproject.toml
	@bash tools/setup.sh $(VENV)
	@touch $@

nightly: setup ## A demo night, whole: feeds, Airflow, print batches, SFTP drops, portal, report
	@$(PY) -m distribution.demo.night

airflow: setup ## Airflow's pages over the demo night, until Ctrl-C
	@$(PY) -m distribution.demo.night --serve

portal: export DISTRIBUTION_PORTAL_URL ?= http://127.0.0.1:8081
portal: setup ## The coordinators' portal over a demo of three academic years, until Ctrl-C
	@$(PY) -m distribution.demo.portal --serve

# Most of a test's time is waiting for servers, so there are more workers than cores; a module stays with one worker.
test: setup debian lint types ## Everything that must hold before a change is handed in
	@$(PY) -m pytest -n 4 --dist loadfile

proof: setup ## The long checks
	@bash tools/debian_packages.sh proof
	@$(PY) -m pytest -m proof

lint: setup ## Style and likely faults
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .

types: setup ## Types
	@$(VENV)/bin/mypy

bench: setup ## How long a night of 50,000 results takes, step by step
	@$(PY) benchmarks/night.py

bench-paper: setup ## Pages a second beside platypus, typst and WeasyPrint
	@[ -x .venv-bench/bin/python ] || $(VENV)/bin/uv venv -q .venv-bench
	@$(VENV)/bin/uv pip install -q -p .venv-bench -r requirements-bench.txt || echo "typst and WeasyPrint cannot be installed; they are left out" >&2
	@$(PY) benchmarks/paper.py --profile

bench-portal: setup ## The portal over 20 million scores, beside an ORM; wrong codes of every kind
	@$(PY) benchmarks/portal.py
	@$(PY) benchmarks/redeem.py

bench-electronic: setup ## Files delivered and written beside paramiko, sftp, rclone, asyncssh
	@bash tools/debian_packages.sh proof
	@$(PY) benchmarks/writing.py
	@$(PY) benchmarks/electronic.py --profile

lock: setup ## Choose newest versions again: requirements.in -> requirements.txt
	@$(VENV)/bin/uv pip compile -q --upgrade requirements.in -o requirements.txt \
	    --no-emit-index-url --no-emit-find-links --no-annotate

docs: setup ## Write docs/configuration.md, the guides' layouts and pictures of paper, and NOTICE again
	@$(PY) tools/configuration_docs.py
	@$(PY) tools/partner_guide.py
	@$(PY) tools/mailroom_pictures.py
	@$(PY) tools/notice.py

env: ## Write .env with fresh secrets, for docker compose
	@python3 tools/make_env.py

debian:
	@bash tools/debian_packages.sh
