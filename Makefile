# The two that set everything up: `make ask Q="..."` answers a question, `make test` passes the tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
Q ?= which biological processes is CDK2 involved in?

.PHONY: ask chat test test-browser lint types check bench conformance evaluate clean

# `core` runs the product; `dev` adds the tests' and the training's packages.
$(VENV)/core: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --upgrade "pip>=24"
	$(BIN)/python -m pip install -c constraints.txt -e .
	touch $@

$(VENV)/dev: $(VENV)/core
	$(BIN)/python -m pip install -c constraints.txt -e ".[finetune,dev]"
	touch $@

# Through the environment, so that quotes in a question stay as they are.
ask: export QUESTION := $(Q)
ask: $(VENV)/core
	@$(BIN)/biothings-assistant ask "$$QUESTION"

chat: $(VENV)/core
	$(BIN)/biothings-assistant chat

# In two runs: what drives the browser holds the event loop that other tests need.
test: $(VENV)/dev
	$(BIN)/python -m pytest -m "not browser"
	$(MAKE) test-browser

test-browser: $(VENV)/dev
	$(BIN)/python -m pytest -m browser -rs

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev
	$(BIN)/mypy

check: lint types test

bench: $(VENV)/dev
	$(BIN)/biothings-assistant bench --scale

evaluate: $(VENV)/dev
	$(BIN)/biothings-assistant evaluate

# DIR holds cases.jsonl and, for each corpus, NAME.docs.jsonl and NAME.mapping.json.
conformance: $(VENV)/dev
	$(BIN)/python -m tools.offline.conformance $(DIR)

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache
