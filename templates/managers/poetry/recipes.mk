LOCK := poetry.lock
VERSION = poetry --version
CREATE = $(PYTHON) -m venv --clear --without-pip --prompt $(PROJECT) $(VENV)
export POETRY_NO_INTERACTION := 1
export VIRTUAL_ENV := $(abspath $(VENV))

manager:
	@$(call need,$(PYTHON),'pyenv install $(PYTHON_VERSION)' or python.org gets it)
	@$(call need,poetry,'make bootstrap' gets it for this project and 'pipx install poetry' for all)

bootstrap: ## Install Poetry for this project if it is missing
	@command -v poetry >/dev/null || { python3 -m venv .bootstrap && \
		.bootstrap/bin/python -m pip install --quiet "poetry>=2.2"; }

install: environment $(LOCK) ## Install the locked versions, the kernel and the git hooks
	poetry sync{% if cookiecutter.__service %} --all-extras{% endif %}
	$(AGAIN) finish

install-production: elsewhere environment $(LOCK) ## Install for production (VENV=…)
	poetry sync --only main --no-root{% if cookiecutter.__service %} --extras $(or $(APP),train){% endif %}
	$(PYTHON) -m pip --python $(BIN)/python install --quiet --no-deps --force-reinstall .

add: environment ## Add a dependency (PACKAGE=… or FILE=…, DEV=yes for a tool)
	poetry add $(if $(DEV),--group dev){% if cookiecutter.__service %} $(APP:%=--lock --optional %){% endif %} $(PACKAGES)
{% if cookiecutter.__service %}	$(if $(APP),$(AGAIN) install)
{% endif %}
lock: manager ## Update poetry.lock from pyproject.toml
	poetry lock

$(LOCK): | environment
	poetry lock

upgrade: manager ## Upgrade to the newest versions that pyproject.toml allows
	poetry lock --regenerate
	$(AGAIN) install

audit: ready ## Check the environment for known vulnerabilities (ARGS=…)
	$(RUN) pip_audit --local --skip-editable $(ARGS)

build: manager ## Build the wheel and the sdist into dist/
	poetry build $(ARGS)
