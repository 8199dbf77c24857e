"""Batch prediction against version 1 of the template, in the same environment."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.sandbox import PYTHON, Sandbox

Measure = Callable[..., object]

VERSION_1 = "018824e"  # the last commit that predicts with scikit-learn and pandas
ROWS = 1_000_000


@pytest.fixture(scope="class")
def table(sandbox: Sandbox) -> Path:
    """A large table, next to two projects with trained models."""
    root = sandbox.root / "predict"
    ours, theirs = root / "ours", root / "theirs"
    sandbox.make_project(ours, starter="service")
    checkout = Path(__file__).resolve().parent.parent
    sandbox.run("git", "archive", "-o", root / "1.tar", VERSION_1, cwd=checkout)
    with tarfile.open(root / "1.tar") as archive:
        archive.extractall(root / "version-1", filter="data")
    sandbox.render(
        root / "version-1", root, project_slug="theirs", starter="service", set_up="no"
    )
    install = ("uv", "pip", "install", "--no-deps", "--editable", theirs)
    sandbox.run(*install, "--python", ours / PYTHON)
    for project in (ours, theirs):
        sandbox.run(ours / PYTHON, "-m", project.name, "train", cwd=project)
    header, *lines = (ours / "data/raw/penguins.csv").read_text("utf-8").splitlines()
    lines *= ROWS // len(lines) + 1
    table = root / "new.csv"
    table.write_text("\n".join([header, *lines[:ROWS], ""]), encoding="utf-8")
    return table


GROUPS = {"csv": "predict, CSV to CSV", "parquet": "predict, CSV to Parquet"}


@pytest.mark.parametrize(
    "suffix",
    [pytest.param(k, marks=pytest.mark.benchmark(group=v)) for k, v in GROUPS.items()],
)
class TestPredict:
    """Predict a CSV file, including the start of the command."""

    def test_ours(
        self, measure: Measure, sandbox: Sandbox, table: Path, suffix: str
    ) -> None:
        run(measure, sandbox, "ours", str(table), f"--output={table}-ours.{suffix}")

    def test_version_1(
        self, measure: Measure, sandbox: Sandbox, table: Path, suffix: str
    ) -> None:
        files = (f"--input={table}", f"--output={table}-theirs.{suffix}")
        run(measure, sandbox, "theirs", *files)


def run(measure: Measure, sandbox: Sandbox, name: str, *files: str) -> None:
    """Measure the command `predict` of a project."""
    root = sandbox.root / "predict"
    command = (root / "ours" / PYTHON, "-m", name, "predict", *files)
    measure(sandbox.run, args=command, kwargs={"cwd": root / name})
