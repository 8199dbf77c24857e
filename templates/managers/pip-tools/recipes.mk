LOCK := requirements-dev.txt
CREATE = $(PYTHON) -m venv --clear --prompt $(PROJECT) $(VENV) && \
	$(BIN)/python -m pip install --quiet --upgrade "pip-tools>=7.5"
COMPILE = sh make/isolated $(BIN)/python -m piptools compile --quiet
export CUSTOM_COMPILE_COMMAND := make lock
{% if cookiecutter.package_index_url %}export PIP_INDEX_URL := $(INDEX_URL)
{% endif %}
export PIP_DISABLE_PIP_VERSION_CHECK := 1

manager:
	@command -v $(PYTHON) >/dev/null || { echo "Python $(PYTHON_VERSION) is missing:" \
		"'pyenv install $(PYTHON_VERSION)', or python.org." >&2; exit 1; }

bootstrap: manager ## Get the environment manager: pip-tools comes with the environment

install: environment $(LOCK) ## Install the locked versions, the kernel and the git hooks
	$(BIN)/python -m piptools sync --quiet requirements-dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	@$(MAKE) --no-print-directory finish

install-production: elsewhere environment requirements.txt ## Install what production has into VENV=…
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --force-reinstall .
	@$(MAKE) --no-print-directory complete

add: environment ## Add a dependency (PACKAGE=…, DEV=yes for a development tool)
	@$(BIN)/python make/add.py $(if $(DEV),--dev) "$(PACKAGE)"

# What production has is the part of the whole that the package itself needs.
lock: environment ## Bring the requirements files in line with pyproject.toml
	$(COMPILE) $(UPGRADE) --extra dev --output-file requirements-dev.txt pyproject.toml
	$(COMPILE) $(UPGRADE) --constraint requirements-dev.txt --output-file requirements.txt \
		pyproject.toml

requirements.txt $(LOCK): | environment
	@$(MAKE) --no-print-directory lock

upgrade: environment ## Move to the newest versions that pyproject.toml allows
	@$(MAKE) --no-print-directory lock install UPGRADE=--upgrade

audit: $(VENV)/pyvenv.cfg ## Look for known vulnerabilities in the environment (ARGS=…)
	$(BIN)/python -m pip_audit --local --skip-editable $(ARGS)

build: $(VENV)/pyvenv.cfg ## Build the wheel and the sdist into dist/
	$(BIN)/python -m build $(ARGS)
