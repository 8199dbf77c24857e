"""The code of the project; README.md describes it."""

import os
from importlib.metadata import version

__all__ = ["__version__"]

# Figures look alike on every machine, whatever its matplotlibrc says.
os.environ["MATPLOTLIBRC"] = os.devnull

DISTRIBUTION = "{{ cookiecutter.project_slug }}"
__version__ = version(DISTRIBUTION)
