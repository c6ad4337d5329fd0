# Everything that is done with this checkout; each target sets up what it needs.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
PIP := -m pip install --quiet --disable-pip-version-check
JUDGES := "pytest>=8.3,<10" "pytest-timeout<3" adafruit-circuitpython-rfm9x adafruit-circuitpython-scd4x \
	adafruit-circuitpython-sht4x adafruit-circuitpython-ds18x20 adafruit-circuitpython-scd30 \
	adafruit-circuitpython-sht31d adafruit-circuitpython-bme280 adafruit-circuitpython-hcsr04 \
	pymhz19-async minimalmodbus senseair-s8 "cryptography>=43" "pamoja-gateway>=0.2,<0.3"
PEERS := lora-packet@0.9.3 @micropython/micropython-webassembly-pyscript@1.27.0

.PHONY: help simulate test lint bench bench-peers proof mutants docs picture clean

help:  ## say what there is to do
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile

simulate: .venv/.ready  ## a school day of one classroom, in seconds; no board needed
	@$(BIN)/python -m host.cli simulate

test: .venv/.ready .venv-judges/.ready .venv-wheel/.ready  ## every test
	@$(BIN)/python -P tests/run_all.py

lint: .venv/.ready .venv/stubs/.ready  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy host simulator
	$(BIN)/mypy --config-file firmware.mypy.ini

bench: .venv/.ready  ## what was measured, beside its target
	@$(BIN)/python tests/bench.py

bench-peers:  ## fetch what the bench compares with; needs node and npm
	@command -v npm > /dev/null || { echo "npm is missing: sudo apt install nodejs npm" >&2; exit 1; }
	@npm install --prefix .build/peers --no-audit --no-fund --silent $(PEERS)

proof: .venv/.ready  ## the long runs, under an hour: PART=cuts, manifest, fuzz, months, scenarios, street, mutants or cables for one
	@$(BIN)/python tests/proof/run.py $(PART)

mutants: .venv/.ready  ## mistakes on purpose, and the tests that catch them
	@$(BIN)/python tests/proof/mutants.py

docs: .venv/.ready  ## make the frame documents, golden vectors and pictures of the wires anew
	@$(BIN)/python -m host.frames
	@$(BIN)/python -m host.drawing

picture: .venv/.ready  ## make the pictures and tables of README and docs anew; needs Chromium
	@$(BIN)/python -m docs.picture
	@$(BIN)/python -m docs.batteries
	@$(BIN)/python -m docs.validity

clean:  ## remove all that the targets above have set up
	rm -rf .venv .venv-judges .venv-wheel .build

# $(call new_venv,NAME,PACKAGES): a virtual environment with these packages, made from nothing, or a
# line that says what is missing. The marker of its target comes last: without it, next time all is
# made again.
define new_venv
	@test -n "$(PYTHON)" || { echo \
		"Python 3.11 or newer is missing: sudo apt install python3.11 python3.11-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
		echo "python3-venv is missing: sudo apt install $(notdir $(PYTHON))-venv" >&2; exit 1; }
	@echo "Setting up $(1) (once, about a minute) ..."
	@rm -rf $(1)
	@$(PYTHON) -m venv $(1) && $(1)/bin/python $(PIP) $(2) || { rm -rf $(1); \
		echo "$(1) could not be set up, the lines above say why; then run make again" >&2; exit 1; }
	@touch $@
endef

.venv/.ready: pyproject.toml
	$(call new_venv,.venv,-e '.[test]')

.venv/stubs/.ready: .venv/.ready
	@rm -rf .venv/stubs
	@$(BIN)/python $(PIP) --target .venv/stubs micropython-rp2-stubs
	@touch $@

.venv-judges/.ready: pyproject.toml Makefile
	$(call new_venv,.venv-judges,$(JUDGES))

# The wheel itself is made and put in anew by each `make test`, without the network.
.venv-wheel/.ready: .venv/.ready
	$(call new_venv,.venv-wheel,.)
