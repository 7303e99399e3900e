# `make demo` and `make test` need nothing but Python 3.11 to 3.13, pip and the network.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test check bench venv clean

venv: $(READY)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "ascend-console needs Python 3.11 to 3.13; name one: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt \
		--config-settings editable_mode=compat -e '.[all,dev]'
	touch $(READY)

demo: $(READY) ## All four models, from a sample checkpoint to a verdict, on this machine's CPU.
	$(BIN)/ascend-console --headless run --model se_resnet50,moco_v2,deepmar,ghostnet --sample --batch-size 1,8

test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist loadgroup

check: $(READY) ## Format, lint, types, import contracts.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY) ## One JSON object on stdout, a table on stderr.
	$(BIN)/python -m tests.benchmarks

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache *.egg-info
