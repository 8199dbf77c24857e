"""The project's directories."""

import os
from pathlib import Path

PREFIX = f"{__package__.upper()}_"  # of the project's environment variables


def find_root() -> Path:
    """Return the project's root, the directory with `pyproject.toml` and `data`.

    This is the prefixed environment variable ROOT if it is set; else the nearest such
    directory above this file (editable install) or above the current directory; else
    the current directory.
    """
    if named := os.environ.get(f"{PREFIX}ROOT"):
        return Path(named).expanduser().resolve()
    here = Path.cwd()
    for place in (*Path(__file__).parents, here, *here.parents):
        if (place / "pyproject.toml").is_file() and (place / "data").is_dir():
            return place
    return here


ROOT = find_root()
RAW_DIR = ROOT / "data/raw"
PROCESSED_DIR = ROOT / "data/processed"
FIGURES_DIR = ROOT / "reports/figures"
