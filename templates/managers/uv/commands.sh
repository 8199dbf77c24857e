uv sync
uv run python make/kernel.py {{ cookiecutter.project_slug }}
