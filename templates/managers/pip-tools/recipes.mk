LOCK := requirements-dev.txt
VERSION = $(RUN) piptools compile --version
CREATE = $(PYTHON) -m venv --clear --prompt $(PROJECT) $(VENV) && \
	$(PIP) install --quiet --upgrade "pip>=26.1" "pip-tools>=7.6"
PIP = sh make/isolated $(RUN) pip
TOOLS = sh make/isolated $(RUN) piptools
UPGRADE :=
{% if not cookiecutter.package_index_url %}# Releases are locked after a week: most bad ones are found by then.
COOL_OFF ?= P7D
{% endif %}COMPILE = $(TOOLS) compile --quiet{% if not cookiecutter.package_index_url %} \
	--uploaded-prior-to $(COOL_OFF){% endif %}

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

install-production: elsewhere environment requirements.txt ## Install for production (VENV=…)
	$(PIP) install --quiet --no-deps --require-hashes -r requirements.txt
	$(PIP) install --quiet --no-deps --force-reinstall .

add: environment ## Add a dependency (PACKAGE=… or FILE=…, DEV=yes for a tool)
	@$(BIN)/python make/add.py $(if $(DEV),--dev) $(PACKAGES)

# requirements.txt has the part of requirements-dev.txt that the package itself needs.
lock: environment ## Update the requirements files from pyproject.toml
	$(COMPILE) $(UPGRADE) --extra dev --output-file requirements-dev.txt pyproject.toml
	$(COMPILE) $(UPGRADE) --constraint requirements-dev.txt --output-file requirements.txt \
		pyproject.toml

requirements.txt $(LOCK): | environment
	$(AGAIN) lock

upgrade: environment ## Upgrade to the newest versions that pyproject.toml allows
	$(AGAIN) lock install UPGRADE=--upgrade

audit: ready ## Check the environment for known vulnerabilities (ARGS=…)
	$(RUN) pip_audit --local --skip-editable $(ARGS)

build: ready ## Build the wheel and the sdist into dist/
	$(RUN) build $(ARGS)
