LOCK := Pipfile.lock
VERSION = pipenv --version
CREATE = $(PYTHON) -m venv --clear --prompt $(PROJECT) $(VENV)
PIPENV = sh make/isolated pipenv
export PIPENV_NOSPIN := 1
export PIPENV_VERBOSITY := -1
export VIRTUAL_ENV := $(abspath $(VENV))

manager:
	@$(call need,$(PYTHON),'pyenv install $(PYTHON_VERSION)' or python.org gets it)
	@$(call need,pipenv,'make bootstrap' gets it here and 'pipx install pipenv' for all projects)

bootstrap: ## Get Pipenv for this project, where it is missing
	@command -v pipenv >/dev/null || { python3 -m venv .bootstrap && \
		.bootstrap/bin/python -m pip install --quiet "pipenv>=2026.0"; }

install: environment $(LOCK) ## Install the locked versions, the kernel and the git hooks
	$(PIPENV) sync --dev
	pipenv clean
	$(AGAIN) finish

install-production: elsewhere environment $(LOCK) ## Install what production has (VENV=…)
	$(PIPENV) sync
	$(RUN) pip install --quiet --no-deps --force-reinstall .

add: environment ## Add a dependency (PACKAGE=… or FILE=…, DEV=yes for a tool)
	@$(BIN)/python make/add.py $(if $(DEV),--extra=dev) $(PACKAGES)

lock: environment ## Bring Pipfile.lock in line with Pipfile and pyproject.toml
	$(PIPENV) lock
{% if not cookiecutter.package_index_url %}	@sed -n 's/.*"url": "\(.*\)".*/Packages come from \1 (package_index_url changes that)./p' \
		Pipfile.lock | sort -u
{% endif %}
$(LOCK): | environment
	$(AGAIN) lock

upgrade: lock install ## Move to the newest versions that pyproject.toml allows

audit: ready ## Look for known vulnerabilities in the environment (ARGS=…)
	$(RUN) pip_audit --local --skip-editable $(ARGS)

build: ready ## Build the wheel and the sdist into dist/
	$(RUN) build $(ARGS)
