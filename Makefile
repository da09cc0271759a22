# setup, test, fuzz, faults, demo, lint, clean. `make demo` is the place to start.
#   make test T='tests/udfs -k minhash'    arguments for pytest
#   make setup PYTHON=python3.12           another interpreter for the virtual environment

PYTHON ?= python3
T ?=

.PHONY: setup test fuzz faults demo lint grammar constraints clean
.DEFAULT_GOAL := setup

setup:
	@$(PYTHON) scripts/setup.py

test: setup
	@.venv/bin/python -m pytest -n 2 --no-loadscope-reorder $(T)

# Ten thousand damaged recipes, the same ones each time; a minute or three.
fuzz: setup
	@.venv/bin/python tests/compiler/mutations.py

# Model calls under every fault of the list, a row each; some minutes. `make faults T=--small` is what the tests run.
faults: setup
	@PYTHONPATH=tests:tests/runtime .venv/bin/python -m faults $(T)

# Pages from what this machine has, a recipe over them, and what became of every page.
demo: setup
	@.venv/bin/python scripts/demo.py

lint: setup
	@.venv/bin/ruff check --quiet .

# Writes the parser's tables anew, after a change of compiler/recipec/grammar.lark.
grammar: setup
	@.venv/bin/python scripts/grammar_tables.py

# Writes constraints.txt from what is installed in .venv; see its first lines.
constraints: setup
	@.venv/bin/python scripts/constraints.py

clean:
	@rm -rf .venv demo build dist spark-warehouse metastore_db derby.log .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
