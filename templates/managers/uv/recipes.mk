LOCK := uv.lock
VERSION = uv --version
CREATE = uv venv --quiet --clear --prompt $(PROJECT) $(VENV)
export UV_PROJECT_ENVIRONMENT := $(VENV)
export UV_PYTHON := $(PYTHON_VERSION)

manager:
	@$(call need,uv,'make bootstrap' gets it for this project and docs.astral.sh/uv for all)

bootstrap: ## Install uv for this project if it is missing
	@command -v uv >/dev/null || { python3 -m venv .bootstrap && \
		.bootstrap/bin/python -m pip install --quiet "uv>=0.9.17"; }

install: environment $(LOCK) ## Install the locked versions, the kernel and the git hooks
	uv sync --locked{% if cookiecutter.__service %} --all-extras{% endif %}
	$(AGAIN) finish

install-production: elsewhere environment $(LOCK) ## Install for production (VENV=…)
	uv sync --locked --no-default-groups --no-editable --reinstall-package $(PROJECT){% if cookiecutter.__service %} \
		--extra $(or $(APP),train){% endif %}

add: environment ## Add a dependency (PACKAGE=… or FILE=…, DEV=yes for a tool)
	uv add $(if $(DEV),--dev){% if cookiecutter.__service %} $(APP:%=--no-sync --optional %){% endif %} $(PACKAGES)
{% if cookiecutter.__service %}	$(if $(APP),$(AGAIN) install)
{% endif %}
lock: manager ## Update uv.lock from pyproject.toml
	uv lock
{% if not cookiecutter.package_index_url %}	@sed -n 's/.*registry = "\([^"]*\)".*/Packages come from \1 (package_index_url changes that)./p' \
		uv.lock | sort -u
{% endif %}
$(LOCK): | manager
	$(AGAIN) lock

upgrade: manager ## Upgrade to the newest versions that pyproject.toml allows
	uv lock --upgrade
	$(AGAIN) install

audit: manager ## Check the locked versions for known vulnerabilities (ARGS=…)
	uv audit --locked $(ARGS)

build: manager ## Build the wheel and the sdist into dist/
	uv build $(ARGS)
