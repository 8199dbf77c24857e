"""The code of the project; README.md describes it."""

from importlib.metadata import version

__all__ = ["__version__"]

DISTRIBUTION = "{{ cookiecutter.project_slug }}"
__version__ = version(DISTRIBUTION)
