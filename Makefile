# Everything runs in .venv, which the first target that needs it makes.
PYTHON ?= python3
PY := .venv/bin/python
JOBS ?= $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
# Workers start by the hundred in tests: none of them should compile our sources again.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: bench quick test faults slurm browsers lint format readme validate reproduce documents claims speed check bridges site lock clean help

help:            ## show the targets
	@grep -E '^[a-z.]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

bench: .venv     ## compare the optimizers: figures and CSV files in results/optimizers
	@$(PY) -m bench run experiments/optimizers.toml --jobs $(JOBS)

quick: .venv     ## the same in seconds, on a small experiment
	@$(PY) -m bench run experiments/quick.toml --jobs $(JOBS)

reproduce: .venv ## the documents' printed numbers beside ours
	@$(PY) -m bench reproduce

documents: .venv ## where the unseeded documents' numbers fall among many seeds, and what slips cost
	@$(PY) -m bench.studies.documents --jobs $(JOBS)

validate: .venv  ## the simulations behind docs/statistics.md and docs/gate.md, minutes
	@$(PY) -m bench.studies.validate --write
	@$(PY) -m bench.studies.validate.gate --write

claims: .venv    ## published results as claims, reproduced in minutes: are the answers as expected?
	@$(PY) -m bench.studies.gallery --jobs $(JOBS)

speed: .venv     ## the core against the documents' loop and installed peers, in one run
	@$(PY) -m bench speed

test: .venv      ## run the tests
	@$(PY) -m pytest -n $(JOBS) --dist worksteal -m "not faults and not browsers and not bridges"

faults: .venv    ## kills, full disks and other faults performed for real, minutes
	@$(PY) -m pytest -n $(JOBS) --dist worksteal -m "faults and not slurm"

slurm: .venv     ## submissions to a real Slurm, where one answers: tools/slurm.sh around make slurm
	@$(PY) -m pytest -m slurm -rs tests/faults

browsers: .venv  ## report.html in Chromium and Firefox, where they and node are installed
	@$(PY) -m pytest -m browsers tests/page -rs

check: .venv     ## has convergence regressed? the gate, and the quick ones of the gallery
	@$(PY) -m bench run experiments/convergence.toml --fresh --no-report --quiet --jobs $(JOBS)
	@$(PY) -m bench check results/convergence --against results/reference/convergence.json --strict
	@$(PY) -m bench.studies.gallery --quick --jobs $(JOBS)

bridges: .venv   ## the tests that need torch, optax or JAX, wherever these are installed
	@$(PY) -m pytest -m bridges -rs tests/nncore/rules/bridges tests/spec tests/studies/speed

site: .venv      ## the documentation as a small site, in results/site
	@$(PY) -c "import material" 2>/dev/null || $(PY) -m pip install --quiet \
	  --disable-pip-version-check --no-build-isolation --editable ".[docs]"
	@NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --strict --config-file tools/mkdocs.yml
	@echo "results/site/index.html opens from disk; with its search, at localhost:8000:"
	@echo "  $(PY) -m http.server --bind localhost --directory results/site"

lint: .venv      ## ruff, mypy and the direction of imports
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@.venv/bin/lint-imports --no-cache --no-logo

format: .venv    ## rewrite the sources in the project's style
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

# Generated and ready only when the whole installation has succeeded: the stamp is touched last.
.venv: .venv/ready
.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; name one with: make PYTHON=/path/to/python3.11"; exit 2; }
	@echo "setting up .venv (once, about a minute)"
	@$(PYTHON) -m venv .venv
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.lock
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch .venv/ready

readme: .venv    ## write the README's tables again and copy its figure
	@$(PY) tools/readme.py

lock: .venv      ## pin the newest versions that pyproject.toml allows
	@$(PY) -m pip install --quiet --disable-pip-version-check uv
	@.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --extra dev --no-emit-index-url --no-emit-find-links \
	  --no-header --no-annotate --upgrade pyproject.toml --output-file requirements.lock

clean:           ## remove the environment and what runs have written
	@rm -rf .venv *.egg-info .mypy_cache .ruff_cache .hypothesis
	@git clean -fdXq results
