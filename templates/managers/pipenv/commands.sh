PIPENV_VENV_IN_PROJECT=1 pipenv install --dev
pipenv run python make/kernel.py register {{ cookiecutter.project_slug }}
