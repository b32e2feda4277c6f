# `make demo` and `make test` set up .venv by themselves; from the second run on they need no network.
# With another Python: make clean test PYTHON=python3.13

BIN := .venv/bin
READY := .venv/ready
CANDIDATES := $(or $(PYTHON),python3 python python3.13 python3.12 python3.11 python3.14)
SUITABLE := import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))

.PHONY: demo test bench clean

demo: $(READY)
	$(BIN)/python examples/run_all.py

test: $(READY)
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/pytest --numprocesses auto

bench: $(READY)
	@set -e; for file in benchmarks/*.py; do echo "$$file"; $(BIN)/python "$$file"; done

$(READY): pyproject.toml
	@set -e; \
	if ! $(BIN)/python -c '$(SUITABLE)' 2>/dev/null; then \
	    for python in $(CANDIDATES); do \
	        if "$$python" -c '$(SUITABLE)' 2>/dev/null; then found=$$python; break; fi; \
	    done; \
	    if [ -z "$$found" ]; then \
	        echo "No Python >= 3.11 with venv among: $(CANDIDATES). Name one: make PYTHON=..." >&2; exit 1; \
	    fi; \
	    "$$found" -m venv --clear .venv; \
	fi; \
	echo "setting up .venv"; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,examples]'; \
	touch $@

clean:
	rm -rf .venv build dist srcdiff.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
