# Everything that is done with this checkout; each target sets up what it needs.
SHELL := /bin/bash
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
PIP := -m pip install --quiet --disable-pip-version-check
JUDGES := "pytest>=8.3,<10" "pytest-timeout<3" adafruit-circuitpython-rfm9x adafruit-circuitpython-scd4x \
	adafruit-circuitpython-sht4x

.PHONY: simulate test lint bench clean

simulate: .venv/.ready
	@$(BIN)/python -m host.cli simulate

test: .venv/.ready .venv-judges/.ready .venv-wheel/.ready
	@$(BIN)/python -P tests/run_all.py

lint: .venv/.ready .venv/stubs/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy host simulator
	$(BIN)/mypy --config-file firmware.mypy.ini

bench: .venv/.ready
	@$(BIN)/python tests/bench.py

clean:
	rm -rf .venv .venv-judges .venv-wheel .build

# $(call new_venv,NAME): an empty virtual environment, or one line that says what is missing.
define new_venv
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: install python3" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
		echo "python3-venv is missing: sudo apt install python3-venv" >&2; exit 1; }
	@rm -rf $(1)
	@$(PYTHON) -m venv $(1)
endef

.venv/.ready: pyproject.toml
	@echo "Setting up (once, about a minute) ..."
	$(call new_venv,.venv)
	@$(BIN)/python $(PIP) -e '.[test]'
	@touch $@

.venv/stubs/.ready: .venv/.ready
	@$(BIN)/python $(PIP) --target .venv/stubs micropython-rp2-stubs
	@touch $@

.venv-judges/.ready: pyproject.toml Makefile
	@echo "Setting up the judges of the chip models ..."
	$(call new_venv,.venv-judges)
	@.venv-judges/bin/python $(PIP) $(JUDGES)
	@touch $@

# The wheel itself is made and put in anew by each `make test`, without the network.
.venv-wheel/.ready: .venv/.ready
	@echo "Setting up the environment of the wheel ..."
	$(call new_venv,.venv-wheel)
	@.venv-wheel/bin/python $(PIP) .
	@touch $@
