LOCK := Pipfile.lock
CREATE = $(PYTHON) -m venv --clear --prompt $(PROJECT) $(VENV)
export PIPENV_NOSPIN := 1
export PIPENV_VERBOSITY := -1
export VIRTUAL_ENV := $(ENVIRONMENT)

manager:
	@command -v $(PYTHON) >/dev/null || { echo "Python $(PYTHON_VERSION) is missing:" \
		"'pyenv install $(PYTHON_VERSION)', or python.org." >&2; exit 1; }
	@command -v pipenv >/dev/null || { echo "Pipenv is missing: 'make bootstrap' gets it for this" \
		"project, 'pipx install pipenv' for all." >&2; exit 1; }

bootstrap: ## Get Pipenv for this project, where it is missing
	@command -v pipenv >/dev/null || { python3 -m venv .bootstrap && \
		.bootstrap/bin/python -m pip install --quiet "pipenv>=2026.0"; }

install: environment $(LOCK) ## Install the locked versions, the kernel and the git hooks
	pipenv sync --dev
	pipenv clean
	@$(MAKE) --no-print-directory finish

install-production: elsewhere environment $(LOCK) ## Install what production has into VENV=…
	pipenv sync
	$(BIN)/python -m pip install --quiet --no-deps --force-reinstall .
	@$(MAKE) --no-print-directory complete

add: environment ## Add a dependency (PACKAGE=…, DEV=yes for a development tool)
	@$(BIN)/python make/add.py $(if $(DEV),--dev) "$(PACKAGE)"

lock: environment ## Bring Pipfile.lock in line with Pipfile and pyproject.toml
	sh make/isolated pipenv lock

$(LOCK): | environment
	@$(MAKE) --no-print-directory lock

upgrade: lock install ## Move to the newest versions that pyproject.toml allows

audit: $(VENV)/pyvenv.cfg ## Look for known vulnerabilities in the environment (ARGS=…)
	$(BIN)/python -m pip_audit --local --skip-editable $(ARGS)

build: $(VENV)/pyvenv.cfg ## Build the wheel and the sdist into dist/
	$(BIN)/python -m build $(ARGS)
