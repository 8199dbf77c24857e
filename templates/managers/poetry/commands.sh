poetry config virtualenvs.in-project true --local
poetry install
poetry run python make/kernel.py {{ cookiecutter.project_slug }}
