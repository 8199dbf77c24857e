"""What the tests share: a table of made-up values, and a project to write in."""

import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from {{ cookiecutter.package_name }} import (
    cli,
    config,
    data,
    tables,
)

ROWS = 80


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the settings of whoever runs the tests."""
    for name in list(os.environ):
        if name.upper().startswith(config.PREFIX):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def raw() -> pd.DataFrame:
    """A table like the raw one: columns rise together, and each lacks a value."""
    random = np.random.default_rng(seed=0)
    common = random.uniform(size=ROWS)
    table = pd.DataFrame(index=range(ROWS))
    for name, kind in data.COLUMNS.items():
        values = (common + random.uniform(0, 0.2, ROWS)) * 50 + 1
        if kind is str:
            table[name] = np.where(values > 30, "high", "low")
        elif kind is date:
            days = pd.Timestamp("2024-01-01") + pd.to_timedelta(values.round(), "D")
            table[name] = days.strftime("%Y-%m-%d")
        else:
            table[name] = values.round(0 if kind is int else 2)
        table.loc[len(table.columns), name] = None
    return table


@pytest.fixture
def project(raw: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a raw table, which the settings point at."""
    root = tmp_path / "Übung 1"
    tables.write(raw, root / "data/raw" / data.RAW_FILE)
    (root / "pyproject.toml").touch()
    monkeypatch.setenv(f"{config.PREFIX}ROOT", str(root))
    return root


@pytest.fixture
def run() -> Callable[..., int]:
    """Run the command line in this process, and return its exit status."""

    def run(*arguments: str | Path) -> int:
        with pytest.raises(SystemExit) as caught:
            cli.main([str(argument) for argument in arguments])
        return int(caught.value.code or 0)

    return run
