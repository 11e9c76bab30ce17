# `make demo` and `make test` are the two commands; the rest is for whoever changes the code.
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test lint unit real conformance faults bench clean

demo: $(STAMP)
	$(BIN)/wsrec demo

test: lint unit real

lint: $(STAMP) .types/wsrec
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy -p wsrec
	$(BIN)/mypy tests benchmarks examples
	$(BIN)/lint-imports

unit: $(STAMP)
	$(BIN)/pytest -n 2 --dist loadfile -m "not real and not conformance and not faults"

real: $(STAMP)
	$(BIN)/pytest -n 2 --dist loadfile -m real tests/real tests/conformance

# Not part of `make test`: the sections of the Autobahn suite that take half an hour.
conformance: $(STAMP)
	$(BIN)/pytest -m conformance

# Not part of `make test`: fifty kills a mode, power cuts, minutes at full rate. Some need root.
faults: $(STAMP)
	$(BIN)/pytest -m faults -rPs tests/faults

bench: $(STAMP)
	$(BIN)/python benchmarks/run.py

$(STAMP): pyproject.toml constraints.txt .ci/venv
	.ci/venv $(VENV)
	$(BIN)/pip install --quiet -c constraints.txt -e '.[dev,real,conformance]'
	touch $@

# Type checkers do not follow setuptools' mapping of the root onto `wsrec`; this link shows them.
.types/wsrec:
	mkdir -p .types
	ln -sfn .. .types/wsrec

clean:
	rm -rf $(VENV) .types build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
