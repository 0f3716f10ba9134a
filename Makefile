# Everything runs in .venv, which is made on first use. `make help` lists the targets.
# PYTHON=... names the interpreter that makes .venv; `make UV= ...` does without uv where it is on PATH.

SHELL := /bin/bash
.DEFAULT_GOAL := help

UV := $(shell command -v uv 2>/dev/null)
PYTHON ?=
PRESET ?= paper
OUT ?= results/nll_bound-$(PRESET)
BOUND := nll_bound score_errors tightness accuracy_dissipation rescaling
INFORMATION := entropy_from_bound data_entropy mutual_information kl_divergence real_data learning_effort unseen side_by_side effort
PATHS := path_likelihood fluctuation_theorems
ENERGETICS := demon_ledger hardware speed_accuracy extraction
SPEED := benchmark scaling divergence_crossover
SAMPLING := clocks waste_law
TRAINED := capability_boundary entropy_exchange token_interventions advantage_shaping rejection_finetuning \
	cost_of_accuracy_network
EXPLORATION := pass_at_k_coverage extrapolation cost_of_accuracy_tabular diffusion_policy $(TRAINED)
EXPERIMENTS ?= $(BOUND:%=bound.%) $(INFORMATION:%=information.%) $(PATHS:%=paths.%) $(ENERGETICS:%=energetics.%) \
	$(SPEED:%=speed.%) $(SAMPLING:%=sampling.%) $(EXPLORATION:%=exploration.%)

VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed

export MPLBACKEND := Agg

# The first of $(PYTHON) or the usual names that runs and is new enough; nothing if there is none.
FIND_PYTHON = for p in $(or $(PYTHON),python3 python3.13 python3.12 python3.11); do \
		if "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
			echo "$$p"; break; \
		fi; \
	done

.PHONY: help venv figure1 exploration benchmark lint test test-slow test-peers test-wheel rooms experiments format clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

venv: $(STAMP) ## Make .venv and install everything into it (done by the others as needed)

$(STAMP): pyproject.toml constraints.txt
	@if [ ! -x $(PY) ]; then \
		python="$$($(FIND_PYTHON))"; \
		if [ -n "$(UV)" ]; then \
			echo "uv venv --python $${python:-3.11} $(VENV)"; \
			"$(UV)" venv --python "$${python:-3.11}" $(VENV); \
		elif [ -n "$$python" ]; then \
			echo "$$python -m venv $(VENV)"; \
			"$$python" -m venv $(VENV); \
		else \
			echo "thermodiff needs Python 3.11 or newer, and none of" \
				"$(or $(PYTHON),python3 python3.13 python3.12 python3.11) is one." >&2; \
			echo "Install one, or name it: make PYTHON=/path/to/python3.12 ..." >&2; \
			exit 1; \
		fi; \
	fi
	@if [ -n "$(UV)" ]; then \
		"$(UV)" pip install --python $(PY) -e '.[dev,data]' -c constraints.txt; \
	else \
		{ $(PY) -m pip --version >/dev/null 2>&1 || $(PY) -m ensurepip; } && \
		$(PY) -m pip install --no-input --disable-pip-version-check -e '.[dev,data]' -c constraints.txt; \
	fi
	@touch $@

figure1: $(STAMP) ## Reproduce the paper's Figure 1 (PRESET=paper, OUT=results/nll_bound-$PRESET)
	$(PY) -m experiments.bound.nll_bound --preset $(PRESET) --out $(OUT)

exploration: $(STAMP) ## The main experiments on exploration, policies trained once for all (PRESET=paper)
	set -e; for e in $(TRAINED); do \
		$(PY) -m experiments.exploration.$$e --preset $(PRESET) --out results/$$e-$(PRESET); \
	done

benchmark: $(STAMP) ## Speed against hardware and other code, kept per commit in docs/records (PRESET=smoke: quick)
ifeq ($(PRESET),paper)
	$(PY) -m experiments.harness.paper speed.benchmark
else
	$(PY) -m experiments.speed.benchmark --preset $(PRESET) --out results/benchmark-$(PRESET)
endif

.PHONY: benchmark-compare
benchmark-compare: $(STAMP) ## The benchmark's last two commits on one machine
	$(PY) -m experiments.speed.benchmark_compare

lint: $(STAMP) ## Linter, format check and types: what a commit has to pass
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

test: lint ## Lint, format check, types and the quick tests
	$(PY) -m pytest -m "not slow and not peer" -n 2 --dist loadfile

# Exit code 5 is pytest's "no tests collected".
test-slow: $(STAMP) ## The slow tests
	$(PY) -m pytest -m "slow and not peer" -n 2 --dist loadfile || [ $$? -eq 5 ]

PEERS ?= .venv-peers
PEERS_STAMP = $(PEERS)/.installed

# PyTorch is gigabytes, and what it wants of other packages is not what the tests of `make test` were run with.
$(PEERS_STAMP): pyproject.toml constraints.txt
	@[ -x $(PEERS)/bin/python ] || $(if $(UV),"$(UV)" venv --seed $(PEERS),"$$($(FIND_PYTHON))" -m venv $(PEERS))
	$(PEERS)/bin/python -m pip install -q --no-input --disable-pip-version-check -e '.[dev,data,peers]' -c constraints.txt
	@touch $@

test-peers: $(PEERS_STAMP) ## Tests against other packages, in an environment of its own; a skip is a failure (PEERS=.venv-peers)
	THERMODIFF_NO_SKIPS=1 $(PEERS)/bin/python -m pytest -m "peer and not trainer"

.PHONY: benchmark-mi
benchmark-mi: $(STAMP) ## The environment of benchmark-mi's neural estimators, .venv-benchmark-mi (Python 3.11 or 3.12)
	$(PY) -m experiments.information.benchmark_mi

.PHONY: test-trainers
test-trainers: $(PEERS_STAMP) ## The recipes for TRL, tunix and verl, in environments of their own: several GB the first time
	THERMODIFF_NO_SKIPS=1 $(PEERS)/bin/python -m pytest -m trainer

# Where a package index is out of reach the tests of peers cannot run, and how many do not is said.
test-peers-if-there: $(STAMP)
	@if timeout 1800 $(MAKE) --no-print-directory $(PEERS_STAMP); then \
		$(MAKE) --no-print-directory test-peers; \
	else \
		echo "The packages of the extra peers cannot be had here, so these were not run:"; \
		$(PY) -m pytest -q --collect-only -m "peer and not trainer" | tail -n 1; \
	fi

WHEEL = build/wheel

test-wheel: $(STAMP) ## The wheel, installed into an empty environment and used from another folder
	rm -rf $(WHEEL)
	@$(PY) -m pip --version >/dev/null 2>&1 || $(PY) -m ensurepip
	$(PY) -m pip wheel -q --no-input --disable-pip-version-check --no-deps --wheel-dir $(WHEEL) .
	$(PY) -m venv $(WHEEL)/env
	$(WHEEL)/env/bin/python -m pip install -q --no-input --disable-pip-version-check $(WHEEL)/*.whl -c constraints.txt
	cd $(WHEEL) && env/bin/thermodiff --help >/dev/null && env/bin/thermodiff --version && \
		env/bin/thermodiff explore deepscaler --out explored | tail -n 3 && \
		cd env/lib/python3*/site-packages && cat thermodiff-*.dist-info/licenses/LICENSE >/dev/null && \
		cat thermodiff/exploration/named_data/deepscaler32k/LICENSE >/dev/null

# The site's builder goes into the same environment, the first time that it is asked for.
DOCS_STAMP := $(VENV)/.installed-docs
SPHINX = $(PY) -m sphinx -c docs --fail-on-warning --keep-going --nitpicky --quiet

$(DOCS_STAMP): $(STAMP)
	@if [ -n "$(UV)" ]; then \
		"$(UV)" pip install --python $(PY) -e '.[docs]' -c constraints.txt; \
	else \
		$(PY) -m pip install --no-input --disable-pip-version-check -e '.[docs]' -c constraints.txt; \
	fi
	@touch $@

.PHONY: docs docs-links
docs: $(DOCS_STAMP) ## The documentation as a site, docs/_build/html/index.html; every warning is an error
	$(SPHINX) -b html . docs/_build/html
	@echo "docs/_build/html/index.html"

docs-links: $(DOCS_STAMP) ## Whether the documentation's links to the outside answer (needs a network)
	$(SPHINX) -b linkcheck . docs/_build/links

rooms: $(STAMP) ## Which room of the package imports which
	$(PY) tests/rooms.py

experiments: $(STAMP) ## Every experiment at smoke size
	set -e; for e in $(EXPERIMENTS); do \
		$(PY) -m experiments.$$e --preset smoke --out results/$${e##*.}-smoke; \
	done

.PHONY: paper paper-left
paper: $(STAMP) ## Every experiment at paper size, resumed; new rows are kept in docs/records (hours)
	$(PY) -m experiments.harness.paper $(EXPERIMENTS)

paper-left: $(STAMP) ## What `make paper` has still to measure
	$(PY) -m experiments.harness.paper --left $(EXPERIMENTS)

format: $(STAMP) ## Format the code and mend what the linter can
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

clean: ## Remove caches and build leftovers (not .venv, not results)
	rm -rf build dist docs/_build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . \( -name .venv -o -name .git \) -prune -o -type d \
		\( -name __pycache__ -o -name .ipynb_checkpoints \) -exec rm -rf {} +
