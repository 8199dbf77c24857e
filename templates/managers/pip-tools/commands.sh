python{{ cookiecutter.python_version }} -m venv .venv
.venv/bin/pip install --editable '.[dev]'
.venv/bin/python make/kernel.py {{ cookiecutter.project_slug }}
