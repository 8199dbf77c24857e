PIPENV_VENV_IN_PROJECT=1 pipenv install --dev
pipenv run python make/kernel.py {{ cookiecutter.project_slug }}
