LOCK := requirements-dev.txt
LOCKED := requirements{% if cookiecutter.__service %}-$(or $(APP),train){% endif %}.txt
VERSION = $(RUN) piptools compile --version
LOCK_CHECK = $(BIN)/python make/add.py --check
CREATE = $(PYTHON) -m venv --clear --prompt $(PROJECT) $(VENV) && \
	$(PIP) install --quiet --upgrade "pip>=26.1" "pip-tools>=7.6"
PIP = sh make/isolated $(RUN) pip
TOOLS = sh make/isolated $(RUN) piptools
UPGRADE :=
{% if cookiecutter.__service %}APPS := $(shell sed -n '/^\[project.optional/,/^\[tool/s/^\([a-z0-9-]*\) = \[.*/\1/p' \
	pyproject.toml | grep -vx dev)
{% endif %}{% if not cookiecutter.package_index_url %}# Only releases older than a week are locked: most bad ones are found by then.
COOL_OFF ?= P7D
{% endif %}COMPILE = $(TOOLS) compile --quiet $(COOL_OFF:%=--uploaded-prior-to %)
export CUSTOM_COMPILE_COMMAND := make lock
export PIP_DISABLE_PIP_VERSION_CHECK := 1
{% if cookiecutter.package_index_url %}export PIP_INDEX_URL := $(INDEX_URL)
{% endif %}
manager:
	@$(call need,$(PYTHON),'pyenv install $(PYTHON_VERSION)' or python.org gets it)

bootstrap: manager ## Nothing to install: pip-tools comes with the environment

install: environment $(LOCK) ## Install the locked versions, the kernel and the git hooks
	$(TOOLS) sync --quiet requirements-dev.txt
	$(PIP) install --quiet --no-deps --editable .
	@$(RUN) pip check || { echo "The lock is out of date: run 'make lock install'" >&2; exit 1; }
	$(AGAIN) finish

install-production: elsewhere environment $(LOCKED) ## Install for production (VENV=…)
	$(PIP) install --quiet --no-deps --require-hashes -r $(LOCKED)
	$(PIP) install --quiet --no-deps --force-reinstall .

add: ready ## Add a dependency (PACKAGE=… or FILE=…, DEV=yes for a tool)
	@$(BIN)/python make/add.py $(if $(DEV),--extra=dev){% if cookiecutter.__service %} $(APP:%=--extra=%){% endif %} $(PACKAGES)

# requirements.txt is the subset of requirements-dev.txt without development tools.
lock: environment ## Update the requirements files from pyproject.toml
	$(COMPILE) $(UPGRADE) --extra dev{% if cookiecutter.__service %} $(APPS:%=--extra %){% endif %} \
		--output-file requirements-dev.txt pyproject.toml
	$(COMPILE) $(UPGRADE) --constraint requirements-dev.txt --output-file requirements.txt \
		pyproject.toml
{% if cookiecutter.__service %}	@set -e; for app in $(APPS); do $(COMPILE) $(UPGRADE) --constraint requirements-dev.txt \
		--extra $$app --output-file requirements-$$app.txt pyproject.toml; done
{% endif %}
requirements.txt $(LOCK){% if cookiecutter.__service %} $(APPS:%=requirements-%.txt){% endif %}: | environment
	$(AGAIN) lock

upgrade: environment ## Upgrade to the newest versions that pyproject.toml allows
	$(AGAIN) lock install UPGRADE=--upgrade

audit: ready ## Check the environment for known vulnerabilities (ARGS=…)
	$(RUN) pip_audit --local --skip-editable $(ARGS)

build: ready ## Build the wheel and the sdist into dist/
	$(RUN) build $(ARGS)
