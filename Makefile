# Run `make` to list the commands.

PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$python" -c "import ensurepip, sys; sys.exit(sys.version_info < (3, 11))" 2>/dev/null && echo "$$python" && break; done)
VENV ?= .venv
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
ARGS ?=
PURPOSES := new dev managers docs

unexport VIRTUAL_ENV PYTHONHOME PYTHONPATH

PIN = for purpose in $(PURPOSES); do \
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-strip-extras \
		--no-emit-index-url --no-emit-find-links --no-header --no-annotate \
		requirements-$$purpose.in --output-file requirements-$$purpose.txt || exit 1; done

.DEFAULT_GOAL := help
.PHONY: help new bootstrap install lock workflows test test-fast notebooks check audit format build \
	bench docs picture examples use-template clean

help: ## List the commands
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

new: $(VENV)/new.txt ## Make a project beside this checkout (INTO=directory, ARGS=…)
	@$(BIN)/python tools/new.py $(if $(INTO),--into "$(INTO)") $(ARGS)

bootstrap: $(VENV)/pyvenv.cfg ## Create .venv (needs only Python)

install: $(VENV)/dev.txt ## Create .venv with the pinned tools

lock: install ## Pin the newest versions of the tools
	@$(if $(PYTHON_VERSION),echo "The pins are for every Python: nothing to do for $(PYTHON_VERSION).",$(PIN))

workflows: install ## Update the form of "Use this template" and the copied workflows
	@$(BIN)/python tools/github_files.py

test: install ## Run every test that this machine can run (ARGS="…" for pytest)
	@$(BIN)/python -m pytest $(ARGS)

test-fast: install ## Run the quick tests, in less than a minute
	@$(BIN)/python -m pytest -m "not slow" $(ARGS)

notebooks: install ## Run the tests of projects' notebooks
	@$(BIN)/python -m pytest -k notebook $(ARGS)

check: install ## Check the template's own code
	$(BIN)/python -m black --quiet --check .
	$(BIN)/python -m ruff check .
	$(BIN)/python -m mypy
	$(BIN)/python -m yamllint --strict .github .pre-commit-config.yaml
	$(BIN)/zizmor --offline --quiet .github
	$(BIN)/shellcheck .ci/*
	$(BIN)/validate-pyproject pyproject.toml

audit: install ## Check the pinned versions for known vulnerabilities
	@for purpose in $(PURPOSES); do \
		$(BIN)/uvx --quiet "pip-audit>=2.9" --strict --disable-pip --require-hashes --progress-spinner off \
			--requirement requirements-$$purpose.txt $(ARGS) || exit 1; done

format: install ## Format the template's own code
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m black .

build: ## Write the last commit to a zip file for cookiecutter
	@mkdir -p dist
	git archive --prefix cookiecutter-ds-package/ --output dist/cookiecutter-ds-package.zip HEAD

bench: install ## Compare the template with the same work done by hand, as ratios
	@$(BIN)/python -m pytest -c benchmarks/pytest.ini benchmarks --benchmark-json $(VENV)/benchmarks.json $(ARGS)

docs: install $(VENV)/docs.txt ## Build the documentation site into dist/site (SERVE=yes to serve it)
	@$(BIN)/python tools/site.py .cache/site
	@$(BIN)/zensical $(if $(SERVE),serve,build --strict)

picture: install ## Draw docs/run.svg from a real run
	@$(BIN)/python docs/picture.py

# For workflows on GitHub.
examples: $(VENV)/new.txt
	@$(BIN)/python tools/examples.py $(ARGS)

use-template: $(VENV)/new.txt
	@$(BIN)/python tools/use_template.py

clean: ## Remove the environment, build and cache files
	rm -rf $(VENV) .cache .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache dist
	find . -name __pycache__ -prune -exec rm -rf {} +

# `make new` installs only cookiecutter; other commands install what they need.

$(VENV)/%.txt: requirements-%.txt | $(VENV)/pyvenv.cfg
	@echo "Installing $< into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@cp $< $@

$(VENV)/pyvenv.cfg:
	@test -n "$(PYTHON)" || { echo "There is no Python 3.11 or newer with venv:" \
		"install it from python.org or with pyenv; on Debian and Ubuntu, apt install python3-venv." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
