"""The commands do their step, and say what they did or why not."""

import sys
from importlib.metadata import entry_points
from pathlib import Path
from runpy import run_module

import pytest
from rich.text import Text

from {{ cookiecutter.package_name }} import (
    __version__,
    cli,
    config,
    data,
)

PACKAGE = cli.__name__.removesuffix(".cli")

Capture = pytest.CaptureFixture[str]


def run(*arguments: str | Path) -> int:
    """Run the command line in this process, and return its exit status."""
    with pytest.raises(SystemExit) as caught:
        cli.main([str(argument) for argument in arguments])
    return int(caught.value.code or 0)


def test_prepare_and_figures_fill_the_project(project: Path, capsys: Capture) -> None:
    table = project / "data/processed/penguins.parquet"
    assert run("prepare") == 0
    assert capsys.readouterr().out == f"wrote 342 of 344 rows to {table}\n"
    assert len(data.load(table)) == 342

    assert run("figures") == 0
    drawn = sorted((project / "reports/figures").iterdir())
    assert [path.name for path in drawn] == [
        "bill-shape.png",
        "flipper-and-mass.png",
        "mass-by-sex.png",
    ]
    assert capsys.readouterr().out == "".join(f"wrote {path}\n" for path in drawn)


def test_paths_on_the_command_line_need_no_project(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = project / "data/raw/penguins.csv"
    monkeypatch.setenv(f"{config.PREFIX}ROOT", "/nowhere")
    assert run("prepare", "--input", sample, "--output", tmp_path / "p.parquet") == 0
    assert run("figures", "-i", tmp_path / "p.parquet", "-o", tmp_path / "out") == 0
    assert len(list((tmp_path / "out").glob("*.png"))) == 3


@pytest.mark.parametrize("step", ["prepare", "figures"])
def test_a_missing_input_is_one_line_on_standard_error(
    project: Path, capsys: Capture, step: str
) -> None:
    assert run(step, "--input", project / "none") == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: no ")
    assert err.count("\n") == 1


def test_a_missing_project_is_one_line_on_standard_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv(f"{config.PREFIX}ROOT", str(tmp_path / "gone"))
    assert run("prepare") == 1
    assert capsys.readouterr().err.endswith("gone, which is not a directory\n")


def test_an_output_that_cannot_be_written_is_one_line(
    project: Path, capsys: Capture
) -> None:
    assert run("prepare", "--output", project / "pyproject.toml/p.parquet") == 1
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert "pyproject.toml" in err
    assert err.count("\n") == 1


def test_the_version_is_that_of_the_distribution(capsys: Capture) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out == f"{__version__}\n"


def test_a_wrong_command_is_a_usage_error(capsys: Capture) -> None:
    assert run("migrate") == 2
    assert "migrate" in capsys.readouterr().err


def test_no_command_shows_those_that_there_are(capsys: Capture) -> None:
    run()
    assert "prepare" in "".join(capsys.readouterr())


def test_the_package_is_a_program(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(sys, "argv", ["", "--help"])
    with pytest.raises(SystemExit, match="0"):
        run_module(PACKAGE, run_name="__main__", alter_sys=True)
    help_text = " ".join(Text.from_ansi(capsys.readouterr().out).plain.split())
    assert f"python -m {PACKAGE}" in help_text
    assert "prepare" in help_text
    assert "figures" in help_text
    assert "completion" not in help_text


def test_the_console_script_is_the_command_line() -> None:
    scripts = entry_points(group="console_scripts", module=cli.__name__)
    assert [script.load() for script in scripts] == [cli.main]
