# make demo: build the quickstart recipe for the TX2.   make test: everything that CI checks.
PYTHON ?= python3
BIN := .venv/bin
JOBS ?= 2

.PHONY: demo test lint types layers recipes unit board-tools clean

demo: .venv/installed
	$(BIN)/compress build recipes/quickstart/recipe.yaml --target tx2 --out build
	@echo "open build/quickstart/tx2/report.html in a browser; copy build/quickstart/tx2 to the board"

test: lint types layers recipes unit

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/installed-dev
	$(BIN)/pyright

layers: .venv/installed-dev
	$(BIN)/lint-imports

recipes: .venv/installed-dev
	$(BIN)/compress lint recipes/ --strict

unit: .venv/installed-dev board-tools
	$(BIN)/pytest -n $(JOBS) -rs

# What compiles and runs programs for the RK3399 here; installs it where that is allowed. The tests in tests/board are
# skipped without it, and say what is missing.
board-tools: .venv/installed-dev
	@$(BIN)/python -m targets.emitters.acl.fetch --install || true

.venv/bin/pip:
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/pip pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	@touch $@

.venv/installed-dev: .venv/bin/pip pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[dev]"
	@touch $@ .venv/installed

clean:
	rm -rf .venv build
