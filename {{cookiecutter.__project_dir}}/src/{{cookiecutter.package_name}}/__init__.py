"""The project's package; see README.md."""

import os
from importlib.metadata import version

__all__ = ["__version__"]

# Ignore matplotlibrc, so that figures look the same on every machine.
os.environ["MATPLOTLIBRC"] = os.devnull

DISTRIBUTION = "{{ cookiecutter.project_slug }}"
__version__ = version(DISTRIBUTION)
