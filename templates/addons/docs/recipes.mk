docs docs-serve: export JUPYTER_PATH := $(abspath $(VENV))/jupyter/share/jupyter
pages: ready
	@git ls-files docs/index.md 2>/dev/null | grep -q . || cp README.md docs/index.md
	@cp LICENSE docs
	@find notebooks -name '[!.]*.ipynb' ! -path '*/.*' -exec $(RUN) nbconvert --execute \
		--ExecutePreprocessor.kernel_name=python3 --to markdown --output-dir docs/notebooks {} +

docs: pages ## Run the notebooks and build the documentation site in site
	@output=$$($(RUN) zensical build --clean --strict 2>&1) || { echo "$$output" >&2; exit 1; }; \
	echo "$$output"; ! echo "$$output" | grep -q '^griffe: ' || { echo "The docstrings above" \
		"don't match the code: correct them, then run 'make docs'." >&2; exit 1; }

docs-serve: pages ## Serve the documentation site and reload changed pages (ARGS=…)
	$(RUN) zensical serve $(ARGS)
