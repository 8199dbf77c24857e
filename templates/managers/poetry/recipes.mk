LOCK := poetry.lock
CREATE = $(PYTHON) -m venv --clear --without-pip --prompt $(PROJECT) $(VENV)
export POETRY_NO_INTERACTION := 1
export VIRTUAL_ENV := $(ENVIRONMENT)
unexport $(filter POETRY_VIRTUALENVS_%,$(.VARIABLES))

manager:
	@command -v $(PYTHON) >/dev/null || { echo "Python $(PYTHON_VERSION) is missing:" \
		"'pyenv install $(PYTHON_VERSION)', or python.org." >&2; exit 1; }
	@command -v poetry >/dev/null || { echo "Poetry is missing: 'make bootstrap' gets it for this" \
		"project, 'pipx install poetry' for all." >&2; exit 1; }

bootstrap: ## Get Poetry for this project, where it is missing
	@command -v poetry >/dev/null || { python3 -m venv .bootstrap && \
		.bootstrap/bin/python -m pip install --quiet "poetry>=2.2"; }

install: environment $(LOCK) ## Install the locked versions, the kernel and the git hooks
	poetry sync
	@$(MAKE) --no-print-directory finish

install-production: elsewhere environment $(LOCK) ## Install what production has into VENV=…
	poetry sync --only main --no-root
	$(PYTHON) -m pip --python $(BIN)/python install --quiet --no-deps --force-reinstall .
	@$(MAKE) --no-print-directory complete

add: environment ## Add a dependency (PACKAGE=…, DEV=yes for a development tool)
	poetry add $(if $(DEV),--group dev) $(PACKAGE)

lock: manager ## Bring poetry.lock in line with pyproject.toml
	poetry lock

$(LOCK): | environment
	poetry lock

upgrade: manager ## Move to the newest versions that pyproject.toml allows
	poetry lock --regenerate
	@$(MAKE) --no-print-directory install

audit: $(VENV)/pyvenv.cfg ## Look for known vulnerabilities in the environment (ARGS=…)
	$(BIN)/python -m pip_audit --local --skip-editable $(ARGS)

build: manager ## Build the wheel and the sdist into dist/
	poetry build $(ARGS)
