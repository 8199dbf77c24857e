LOCK := pylock.dev.toml
CREATE = $(PYTHON) -m venv --clear --prompt $(PROJECT) $(VENV) && \
	$(BIN)/python -m pip install --quiet --upgrade "pip>=26.3"
PIP_LOCK = sh make/isolated $(BIN)/python -m pip lock --quiet --only-deps
KEEP ?= $(LOCK)
VERSIONS = awk -F'"' '/^name = /{name = $$2} /^version = /{print name "==" $$2}'
{% if cookiecutter.package_index_url %}export PIP_INDEX_URL := $(INDEX_URL)
{% endif %}
export PIP_DISABLE_PIP_VERSION_CHECK := 1

manager:
	@command -v $(PYTHON) >/dev/null || { echo "Python $(PYTHON_VERSION) is missing:" \
		"'pyenv install $(PYTHON_VERSION)', or python.org." >&2; exit 1; }

bootstrap: manager ## Get the environment manager: pip comes with the environment

install: environment $(LOCK) ## Install the locked versions, the kernel and the git hooks
	$(BIN)/python -m pip install --quiet --requirement pylock.dev.toml
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	@$(MAKE) --no-print-directory finish

install-production: elsewhere environment pylock.toml ## Install what production has into VENV=…
	$(BIN)/python -m pip install --quiet --requirement pylock.toml
	$(BIN)/python -m pip install --quiet --no-deps --force-reinstall .
	@$(MAKE) --no-print-directory complete

add: environment ## Add a dependency (PACKAGE=…, DEV=yes for a development tool)
	@$(BIN)/python make/add.py $(if $(DEV),--dev) "$(PACKAGE)"

# Versions that are locked stay as they are. What production has is a part of the whole.
lock: environment ## Bring the lock files in line with pyproject.toml
	@mkdir -p .cache
	@cat $(KEEP) 2>/dev/null | $(VERSIONS) >.cache/constraints.txt
	$(PIP_LOCK) '.[dev]' --constraint .cache/constraints.txt --output .cache/pylock.dev.toml
	@$(VERSIONS) .cache/pylock.dev.toml >.cache/constraints.txt
	$(PIP_LOCK) . --constraint .cache/constraints.txt --output .cache/pylock.toml
	@mv .cache/pylock.dev.toml .cache/pylock.toml .

pylock.toml $(LOCK): | environment
	@$(MAKE) --no-print-directory lock

upgrade: environment ## Move to the newest versions that pyproject.toml allows
	@$(MAKE) --no-print-directory lock install KEEP=/dev/null

audit: $(VENV)/pyvenv.cfg ## Look for known vulnerabilities in the environment (ARGS=…)
	$(BIN)/python -m pip_audit --local --skip-editable $(ARGS)

build: $(VENV)/pyvenv.cfg ## Build the wheel and the sdist into dist/
	$(BIN)/python -m build $(ARGS)
