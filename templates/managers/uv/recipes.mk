LOCK := uv.lock
CREATE = uv venv --quiet --clear --prompt $(PROJECT) $(VENV)
export UV_PROJECT_ENVIRONMENT := $(VENV)
export UV_PYTHON := $(PYTHON_VERSION)

manager:
	@command -v uv >/dev/null || { echo "uv is missing: 'make bootstrap' gets it for this" \
		"project, docs.astral.sh/uv says how to get it for all." >&2; exit 1; }

bootstrap: ## Get uv for this project, where it is missing
	@command -v uv >/dev/null || { python3 -m venv .bootstrap && \
		.bootstrap/bin/python -m pip install --quiet "uv>=0.9.17"; }

install: environment $(LOCK) ## Install the locked versions, the kernel and the git hooks
	uv sync --locked
	@$(MAKE) --no-print-directory finish

install-production: elsewhere environment $(LOCK) ## Install what production has into VENV=…
	uv sync --locked --no-default-groups --no-editable --reinstall-package $(PROJECT)
	@$(MAKE) --no-print-directory complete

add: environment ## Add a dependency (PACKAGE=…, DEV=yes for a development tool)
	uv add $(if $(DEV),--dev) $(PACKAGE)

lock: manager ## Bring uv.lock in line with pyproject.toml
	uv lock

$(LOCK): | manager
	uv lock

upgrade: manager ## Move to the newest versions that pyproject.toml allows
	uv lock --upgrade
	@$(MAKE) --no-print-directory install

audit: manager ## Look for known vulnerabilities in the locked versions (ARGS=…)
	uv audit --locked $(ARGS)

build: manager ## Build the wheel and the sdist into dist/
	uv build $(ARGS)
