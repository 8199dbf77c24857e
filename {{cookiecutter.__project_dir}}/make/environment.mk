# The environment that commands use, and when it is recreated.

.NOTPARALLEL:
.PHONY: $(shell sed -n 's/^\([a-z][a-z-]*\):.*/\1/p' $(wildcard Makefile make/*.mk))

BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
RUN := $(BIN)/python -m
# Jupyter looks for the environment's own kernels first.
lab notebooks report: export JUPYTER_PATH := $(abspath $(VENV))/jupyter/share/jupyter
AGAIN := @$(MAKE) --no-print-directory
# The packages of PACKAGE or lines of FILE, quoted so that >=2 is not a redirection.
PACKAGES = $(or $(PACKAGE:%='%'),$(shell tr -cd '\11\12\40-\176' <$(or $(FILE),/dev/null) | \
	sed -n "s/'/\"/g; s/[[:blank:]]*\(\#.*\)*$$//; s/^[A-Za-z0-9].*/'&'/p"))
need = command -v $(1) >/dev/null || { echo "$(1) is missing: $(2)." >&2; exit 1; }

# Variables about access (caches, proxies, certificates, indexes) are passed on to the tools;
# variables that change what is installed or where are not.
REACH := %_CACHE_DIR %CERT %CERTS %INDEX_URL %TIMEOUT %TRUSTED_HOST %PROXY %PROVIDER %FEATURE \
	%MIRROR %MIRROR_URL PIP_CONFIG_FILE UV_CONCURRENT_% UV_DEFAULT_INDEX UV_INDEX_% \
	UV_INSECURE_HOST UV_LINK_MODE UV_OFFLINE UV_PYTHON_DOWNLOADS UV_PYTHON_INSTALL_% \
	POETRY_CERTIFICATES_% POETRY_CONFIG_DIR POETRY_HTTP_% POETRY_REPOSITORIES_%
unexport $(filter-out $(REACH),$(filter PIP_% PIPENV_% POETRY_% UV_%,$(.VARIABLES))) \
	PIP_EXTRA_INDEX_URL UV_EXTRA_INDEX_URL UV_INDEX_STRATEGY VIRTUAL_ENV CDPATH \
	CONDA_DEFAULT_ENV CONDA_PREFIX \
	GIT_DIR GIT_INDEX_FILE GIT_WORK_TREE PYTEST_ADDOPTS PYTEST_DISABLE_PLUGIN_AUTOLOAD \
	PYTHONDEVMODE PYTHONHOME PYTHONINSPECT PYTHONOPTIMIZE PYTHONPATH PYTHONSAFEPATH \
	PYTHONSTARTUP PYTHONWARNDEFAULTENCODING PYTHONWARNINGS
# Takes precedence over pip.conf.
export PIP_USER := 0
# .bootstrap takes precedence; a Python from pyenv is the last choice.
PYENV := $(or $(PYENV_ROOT),$(HOME)/.pyenv)/versions/$(PYTHON_VERSION)
export PATH := $(CURDIR)/.bootstrap/bin:$(PATH):$(lastword $(wildcard $(PYENV).*/bin))

# The file made-for in the environment names the project's directory. .venv is recreated if the
# project was copied or moved, if its creation was interrupted or if its Python is gone. An
# environment that .venv links to is never recreated, and must not belong to another project.
READY = test -x $(BIN)/python && test "$$(cat $(VENV)/made-for 2>/dev/null || \
	test "$(VENV)" = .venv || pwd -P)" = "$$(pwd -P)"
environment: manager
	@! grep -qs '^<<<<<<< ' $(LOCK) || { echo "$(LOCK) has a merge conflict: git checkout HEAD --" \
		"$(LOCK) && make lock" >&2; exit 1; }
	@$(READY) && $(BIN)/python -c "" 2>/dev/null || { \
		test "$(VENV)" = .venv -o ! -e "$(VENV)" || { echo "$(VENV) is not an environment for this" \
			"directory: remove it, or choose another VENV." >&2; exit 1; }; \
		test ! -L .venv || rm .venv; $(CREATE); }

locked: ready
	@test ! -e $(LOCK) || { $(LOCK_CHECK); } || { echo "$(LOCK) is out of date: run 'make lock" \
		"install'." >&2; exit 1; }

finish:
	@test -e .venv || ln -sfn "$(VENV)" .venv
	@pwd -P >$(VENV)/made-for
	$(AGAIN) kernel $(if $(wildcard .git),hooks)

elsewhere:
	@$(if $(filter file,$(origin VENV)),echo "No VENV: make install-production VENV=…" >&2; exit 1)

ready:
	@$(READY) || { echo "There is no environment for this directory in $(VENV): run 'make install'" \
		"first." >&2; exit 1; }
