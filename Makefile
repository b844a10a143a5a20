# Courriel: the few commands a developer needs. `make help` lists them.
# Python: PYTHON, or the first that is 3.11 or newer and built with optimisation (tools/make_venv.sh).

VENV   := .venv
BIN    := $(VENV)/bin
RUN    := $(VENV)/.installed-run
DEV    := $(VENV)/.installed-dev
SECONDS_EACH ?= 60
STRESS_S ?= 120
PAIRS  ?= 3
ARGS   ?=
AUTH   ?= ../shared/suites/auth
KIT    ?= ../shared/corpus

# The tools of the model are run on one processor each: threads of numpy gain nothing here.
export OMP_NUM_THREADS := 1

.PHONY: model eval help run test suites check format bench fuzz stress docs clean

help:
	@echo "make run     set up .venv and start a test server: courriel try"
	@echo "make test    everything CI runs: make check, then all tests"
	@echo "make suites  the published test suites of SPF, DKIM, ARC, DMARC … in the folder AUTH=../shared/suites/auth"
	@echo "make model   learn the model of malicious messages from KIT=../shared/corpus, write docs/threat-model.md"
	@echo "make eval    measure it on KIT=../shared/corpus; ARGS='--cross --speed --json FILE'"
	@echo "make check   format, lint, types, floors, RFC references"
	@echo "make format  put the sources into the house format"
	@echo "make bench   Courriel beside Postfix and Dovecot (root, Debian), then judges of senders beside others;"
	@echo "             PAIRS=3 ARGS='--only smtp-4k-50' (with ARGS: no judges)"
	@echo "make fuzz    the fuzz targets, SECONDS_EACH=60 for each"
	@echo "make stress  random lives of many IMAP sessions, STRESS_S=120 for each store; crash points, state machines"
	@echo "make docs    generate docs/rfc-support.md and the table of docs/bounces.md"

# --- environment -----------------------------------------------------------------------------------------------

$(BIN)/python:
	@tools/make_venv.sh $(VENV)

$(RUN): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[uvloop]'
	@touch $@

$(DEV): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[uvloop,dev]'
	@touch $(RUN) $@

# --- running ---------------------------------------------------------------------------------------------------

run: $(RUN)
	@exec $(BIN)/courriel try $(ARGS)

# --- proving ---------------------------------------------------------------------------------------------------

test: $(DEV)
	@tools/system_packages.sh test
	@tools/run_tests.sh $(ARGS)

suites: $(DEV)
	AUTH="$(abspath $(AUTH))" $(BIN)/python -m pytest tests/suites -q $(ARGS)

model: $(DEV)
	$(BIN)/python -m tools.model "$(KIT)"

eval: $(DEV)
	@$(BIN)/python -m tools.eval "$(KIT)" $(ARGS)

check: $(DEV)
	@tools/check.sh

format: $(DEV)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(DEV)
	@tools/system_packages.sh bench
	$(BIN)/python -m bench.run --pairs $(PAIRS) $(ARGS)
	$(if $(ARGS),,$(BIN)/python -m bench.auth 2>/dev/null)

fuzz: $(DEV)
	$(BIN)/python -m tools.fuzz --seconds $(SECONDS_EACH) $(ARGS)

stress: $(DEV)
	STRESS_S=$(STRESS_S) CRASH_POINTS=2000 MACHINE_EXAMPLES=600 SESSIONS_TIMES=20 HYPOTHESIS_PROFILE=stress \
	  $(BIN)/python -m pytest tests/stress tests/crash tests/contracts tests/imap -q $(ARGS)

docs: $(DEV)
	$(BIN)/python -m tools.rfctable
	$(BIN)/python -m tools.bouncetable

clean:
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build bench/bin
