"""The package of the project, which README.md describes."""

import os

# Ignore matplotlibrc, so that figures look the same on every machine.
os.environ["MATPLOTLIBRC"] = os.devnull

DISTRIBUTION = "{{ cookiecutter.project_slug }}"
__version__: str


def __getattr__(name: str) -> str:
    """Return the version, which is slow to look up and rarely used."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import version

    return version(DISTRIBUTION)
