PYTHON ?= python3
BIN := .venv/bin
LAB := .venv-lab/bin
EXTRAS := test,browser,distributed,docs

.PHONY: help report test check lab notebooks docs lock clean
help:  ## list these commands
	@grep -hE '^[a-z]+:.*##' Makefile | sed 's/:.*## /\t/' | expand -t 14

report: .venv/ready  ## every report, from the committed tables to reports/index.html
	$(BIN)/pauses report $(ARGS)

check: .venv/ready  ## for daily work, in under a minute: style, tables, the house, words, the rules for notebooks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check data src tests benchmarks
	$(BIN)/pauses data check
	$(BIN)/python -m pytest -x $(addprefix tests/test_,$(addsuffix .py,architecture words scorecard effect tables pauses notebooks))

test: .venv/ready  ## tests, doctests, notebook rules, notebooks against their stored results
	$(BIN)/ruff check .
	$(BIN)/ruff format --check data src tests benchmarks
	$(BIN)/python -m pytest $(ARGS)
	$(BIN)/python -m pytest -q -o addopts= -p tests.nbval_record --nbval --nbval-current-env --nbval-sanitize-with tests/nbval_sanitize.cfg notebooks

lab: .venv-lab/ready  ## open JupyterLab on working copies in work/, so that saving never touches the stored notebooks
	@mkdir -p work
	@for book in notebooks/*.ipynb; do copy="work/$${book##*/}"; \
	  if [ ! -e "$$copy" ]; then cp "$$book" "$$copy"; \
	  elif [ "$$book" -nt "$$copy" ]; then echo "$$copy is older than $$book: remove it for a new copy"; fi; done
	PATH="$(CURDIR)/$(LAB):$$PATH" jupyter lab --LabApp.default_url=/lab/tree/work/explore.ipynb $(if $(filter 0,$(shell id -u)),--allow-root) $(ARGS)

notebooks: .venv/ready  ## execute the committed notebooks again and store their results
	$(BIN)/python -m analysis.reports.make

docs: .venv/ready  ## the documentation as a site, docs/_build/html/index.html
	$(BIN)/python -m sphinx -M html docs docs/_build -q -W --keep-going

lock:  ## pin the newest versions that fit pyproject.toml
	rm -rf .venv-lock && $(PYTHON) -m venv .venv-lock && .venv-lock/bin/pip install -q ".[lab,$(EXTRAS)]"
	{ echo "# Every package of the project, pinned. Written by 'make lock'; used as constraints by the Makefile."; \
	  .venv-lock/bin/pip freeze --exclude strike-pauses | sort -f; } > requirements.lock
	rm -rf .venv-lock

clean:  ## remove environments, built reports and documentation
	rm -rf .venv .venv-lab docs/_build reports/*.html reports/*.log reports/as-of reports/manifest.json reports/executed reports/.cache

.venv/ready: pyproject.toml requirements.lock
	$(call environment,.venv,$(EXTRAS))

.venv-lab/ready: pyproject.toml requirements.lock
	$(call environment,.venv-lab,lab)

# JupyterLab lives apart: with it installed, every start of papermill costs nearly a second more.
define environment
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	  || { echo "This Python cannot make environments; install the system package python3-venv."; exit 1; }
	$(PYTHON) -m venv $(1)
	$(1)/bin/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e ".[$(2)]"
	@touch $(1)/ready
endef
