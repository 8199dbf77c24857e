"""The commands do their step, and report errors in one line."""

from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from {{ cookiecutter.package_name }} import (
    __version__,
    cli,
    config,
    data,
    plots,
    tables,
)

Capture = pytest.CaptureFixture[str]
Run = Callable[..., int]


def test_prepare_and_figures_fill_the_project(project: Path, run: Run) -> None:
    assert run("prepare") == 0
    assert len(tables.read(project / "data/processed" / data.PROCESSED_FILE))
    assert run("figures") == 0
    drawn = (project / "reports/figures").glob("*.png")
    assert {path.stem for path in drawn} == {*plots.FIGURES}


def test_paths_on_the_command_line_need_no_project(
    project: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw, cleaned = project / "data/raw" / data.RAW_FILE, tmp_path / "cleaned.parquet"
    monkeypatch.setenv(f"{config.PREFIX}ROOT", "/nowhere")
    assert run("prepare", "--input", raw, "--output", cleaned) == 0
    assert run("figures", "-i", cleaned, "-o", tmp_path / "figures") == 0


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("prepare", "-i", "none.csv"), "none.csv does not exist; put the file there"),
        (("figures",), "does not exist; `prepare` makes it"),
        (("prepare", "-o", f"{__file__}/a.parquet"), "test_cli.py"),
    ],
)
def test_an_error_is_one_line_on_standard_error(
    project: Path, run: Run, capsys: Capture, arguments: tuple[str], problem: str
) -> None:
    assert run(*arguments) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert problem in line


def test_the_console_script_starts_the_command_line() -> None:
    scripts = entry_points(group="console_scripts")
    found = [each.load() for each in scripts if each.module == cli.__name__]
    assert found == [cli.main]


def test_the_version_is_that_of_the_distribution(run: Run, capsys: Capture) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out == f"{__version__}\n"
