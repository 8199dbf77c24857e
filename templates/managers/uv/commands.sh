uv sync
uv run python make/kernel.py register {{ cookiecutter.project_slug }}
