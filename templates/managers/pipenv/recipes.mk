LOCK := Pipfile.lock
VERSION = pipenv --version
LOCK_CHECK = $(PIPENV) verify >/dev/null && $(BIN)/python make/add.py --check
CREATE = $(PYTHON) -m venv --clear --prompt $(PROJECT) $(VENV)
PIPENV = sh make/isolated pipenv
export PIPENV_NOSPIN := 1
export PIPENV_VERBOSITY := -1
export VIRTUAL_ENV := $(abspath $(VENV))

manager:
	@$(call need,$(PYTHON),'pyenv install $(PYTHON_VERSION)' or python.org gets it)
	@$(call need,pipenv,'make bootstrap' gets it for this project and 'pipx install pipenv' for all)

bootstrap: ## Install Pipenv for this project if it is missing
	@command -v pipenv >/dev/null || { python3 -m venv .bootstrap && \
		.bootstrap/bin/python -m pip install --quiet "pipenv>=2026.0"; }

install: environment $(LOCK) ## Install the locked versions, the kernel and the git hooks
	$(PIPENV) sync --dev
	pipenv clean
	$(AGAIN) finish

install-production: elsewhere environment $(LOCK) ## Install for production (VENV=…)
	$(PIPENV) sync{% if cookiecutter.__service %} --categories $(or $(APP),train){% endif %}
	$(RUN) pip install --quiet --no-deps --force-reinstall .

add: ready ## Add a dependency (PACKAGE=… or FILE=…, DEV=yes for a tool)
	@$(BIN)/python make/add.py $(if $(DEV),--extra=dev){% if cookiecutter.__service %} $(APP:%=--extra=%){% endif %} $(PACKAGES)

lock: environment ## Update Pipfile.lock from Pipfile and pyproject.toml
	$(PIPENV) lock
{% if not cookiecutter.package_index_url %}	@sed -n 's/.*"url": "\(.*\)".*/Packages come from \1 (package_index_url changes that)./p' \
		Pipfile.lock | sort -u
{% endif %}
$(LOCK): | environment
	$(AGAIN) lock

upgrade: lock install ## Upgrade to the newest versions that pyproject.toml allows

audit: ready ## Check the environment for known vulnerabilities (ARGS=…)
	$(RUN) pip_audit --local --skip-editable $(ARGS)

build: ready ## Build the wheel and the sdist into dist/
	$(RUN) build $(ARGS)
