"""What the tests share: the sample, its cleaned table, and a project to write in."""

import os
import shutil
from pathlib import Path

import pandas as pd
import pytest

from {{ cookiecutter.package_name }} import (
    config,
    data,
)

SAMPLE = Path(__file__).parents[1] / "data/raw/penguins.csv"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the settings of whoever runs the tests."""
    for name in list(os.environ):
        if name.upper().startswith(config.PREFIX):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def raw() -> pd.DataFrame:
    """The sample as `load_raw` reads it."""
    return data.load_raw(SAMPLE)


@pytest.fixture(scope="session")
def penguins(raw: pd.DataFrame) -> pd.DataFrame:
    """The sample as `clean` leaves it."""
    return data.clean(raw)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of its own, with the sample, which the settings point at."""
    root = tmp_path / "Pingüinos of the south"
    (root / "data/raw").mkdir(parents=True)
    (root / "pyproject.toml").touch()
    shutil.copy(SAMPLE, root / "data/raw")
    monkeypatch.setenv(f"{config.PREFIX}ROOT", str(root))
    return root
