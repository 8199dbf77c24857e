LOCK := pylock.dev.toml
LOCKED := pylock{% if cookiecutter.__service %}.$(or $(APP),train){% endif %}.toml
VERSION = $(RUN) pip --version
LOCK_CHECK = $(BIN)/python make/add.py --check
CREATE = $(PYTHON) -m venv --clear --prompt $(PROJECT) $(VENV) && \
	$(PIP) install --quiet --upgrade "pip>=26.3"
PIP = sh make/isolated $(RUN) pip
{% if not cookiecutter.package_index_url %}# Only releases older than a week are locked: most bad ones are found by then.
COOL_OFF ?= P7D
{% endif %}PIP_LOCK = $(PIP) lock --quiet --only-deps $(COOL_OFF:%=--uploaded-prior-to %)
{% if cookiecutter.__service %}APPS := $(shell sed -n '/^\[project.optional/,/^\[tool/s/^\([a-z0-9-]*\) = \[.*/\1/p' \
	pyproject.toml | grep -vx dev)
{% endif %}KEEP := $(LOCK)
VERSIONS = awk -F'"' '/^name = /{name = $$2} /^version = /{print name "==" $$2}'
export PIP_DISABLE_PIP_VERSION_CHECK := 1
{% if cookiecutter.package_index_url %}export PIP_INDEX_URL := $(INDEX_URL)
{% endif %}
manager:
	@$(call need,$(PYTHON),'pyenv install $(PYTHON_VERSION)' or python.org gets it)

bootstrap: manager ## Nothing to install: pip comes with the environment

install: environment $(LOCK) ## Install the locked versions, the kernel and the git hooks
	$(PIP) install --quiet --requirement pylock.dev.toml
	$(PIP) install --quiet --no-deps --editable .
	@$(RUN) pip check || { echo "The lock is out of date: run 'make lock install'" >&2; exit 1; }
	$(AGAIN) finish

install-production: elsewhere environment $(LOCKED) ## Install for production (VENV=…)
	$(PIP) install --quiet --requirement $(LOCKED)
	$(PIP) install --quiet --no-deps --force-reinstall .

add: ready ## Add a dependency (PACKAGE=… or FILE=…, DEV=yes for a tool)
	@$(BIN)/python make/add.py $(if $(DEV),--extra=dev){% if cookiecutter.__service %} $(APP:%=--extra=%){% endif %} $(PACKAGES)

# Locked versions are kept. The packages of pylock.toml are a subset of those of pylock.dev.toml.
lock: environment ## Update the lock files from pyproject.toml
	@mkdir -p .cache
	@cat $(KEEP) 2>/dev/null | $(VERSIONS) >.cache/constraints.txt
	$(PIP_LOCK) '.[dev{% if cookiecutter.__service %}$(APPS:%=,%){% endif %}]' --constraint .cache/constraints.txt \
		--output .cache/pylock.dev.toml
	@$(VERSIONS) .cache/pylock.dev.toml >.cache/constraints.txt
	$(PIP_LOCK) . --constraint .cache/constraints.txt --output .cache/pylock.toml
{% if cookiecutter.__service %}	@set -e; for app in $(APPS); do $(PIP_LOCK) ".[$$app]" --constraint .cache/constraints.txt \
		--output .cache/pylock.$$app.toml; done
{% endif %}	@mv .cache/pylock*.toml .
{% if not cookiecutter.package_index_url %}	@sed -n 's|.*url = "\(http[^"]*//[^/]*\).*|\1|p' pylock.toml | sort -u | \
		sed 's/.*/Packages come from & (package_index_url changes that)./'
{% endif %}
pylock.toml $(LOCK){% if cookiecutter.__service %} $(APPS:%=pylock.%.toml){% endif %}: | environment
	$(AGAIN) lock

upgrade: environment ## Upgrade to the newest versions that pyproject.toml allows
	$(AGAIN) lock install KEEP=/dev/null

audit: ready ## Check the environment for known vulnerabilities (ARGS=…)
	$(RUN) pip_audit --local --skip-editable $(ARGS)

build: ready ## Build the wheel and the sdist into dist/
	$(RUN) build $(ARGS)
