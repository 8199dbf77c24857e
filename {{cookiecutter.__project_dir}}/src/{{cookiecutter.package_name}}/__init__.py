"""Load, clean and draw the measurements of the Palmer penguins."""

from importlib.metadata import version

__all__ = ["__version__"]

DISTRIBUTION = "{{ cookiecutter.project_slug }}"
__version__ = version(DISTRIBUTION)
