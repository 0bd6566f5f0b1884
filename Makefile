# Two commands do everything: `make run` and `make test`. Needed: Python 3.11 or newer and make, nothing else.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: run test check types style unit ui bench worlds clean demo-up demo-down
.DEFAULT_GOAL := run

$(VENV)/.ready: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 …")'
	@echo 'Installing the pinned packages into $(VENV): once, two to four minutes'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.ready-dev: requirements-dev.txt $(VENV)/.ready
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements-dev.txt
	@touch $@

run: $(VENV)/.ready
	$(BIN)/linli run

ui: $(VENV)/.ready
	$(BIN)/linli ui

# A machine that keeps no bytecode would compile the package and the tests anew in every process of them.
test unit: export PYTHONDONTWRITEBYTECODE =

test: check unit
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder --durations 12 --ignore tests/unit

check: $(VENV)/.ready-dev
	@$(MAKE) --no-print-directory --jobs 2 types style

types: $(VENV)/.ready-dev
	$(BIN)/mypy include/linli

style: $(VENV)/.ready-dev
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint --processes 2 dbt_project/models dbt_project/tests
	$(BIN)/linli contracts check

unit: $(VENV)/.ready-dev
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile tests/unit

bench: $(VENV)/.ready-dev
	@missed=; for name in extraction gate night similar dag_parse review; do $(BIN)/python benchmarks/$$name.py || missed="$$missed $$name"; done; \
	if [ -n "$$missed" ]; then echo "These failed or missed their figure:$$missed"; exit 1; fi

worlds: $(VENV)/.ready-dev
	$(BIN)/python -m tests.worlds.compare --seeds 20 --cases 5000
	$(BIN)/python -m tests.worlds.rebuilds --moments 10
	PYTHONPATH=tests $(BIN)/python -m tests.worlds.plants --seeds 10

demo-up demo-down: demo-%: $(VENV)/.ready
	$(BIN)/linli demo $*

clean:
	if [ -x $(BIN)/linli ]; then $(BIN)/linli demo down; fi
	rm -rf var .demo $(VENV)
	@if [ -n "$$LINLI_HOME" ] && [ -e "$$LINLI_HOME" ]; then echo "Left, remove it yourself: $$LINLI_HOME (LINLI_HOME)"; fi
	@if [ -n "$$LINLI_DEMO_HOME" ] && [ -e "$$LINLI_DEMO_HOME" ]; then echo "Left, remove it yourself: $$LINLI_DEMO_HOME (LINLI_DEMO_HOME)"; fi
