"""The command line: each command is one step of the analysis."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import track

from . import __version__, data, plots
from .config import ConfigError, Settings, load_settings

app = typer.Typer(add_completion=False, no_args_is_help=True)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line, and say what goes wrong in one line on standard error.

    Args:
        arguments: The words after the program's name; by default those it was given.

    Raises:
        SystemExit: Always: 0 for success, 1 for an error, 2 for a wrong command line.
    """
    try:
        app(arguments)
    except (ConfigError, data.DataError) as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))


def _fail(message: str) -> None:
    typer.echo(f"error: {' '.join(message.split())}", err=True)
    raise SystemExit(1)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


def _path(flag: str, content: str, setting: str) -> Any:
    """Make the option of a path that stands in for a setting."""
    default = Settings.model_fields[setting].default
    return typer.Option(
        f"--{flag}",
        f"-{flag[0]}",
        help=f"{content}.",
        show_default=f"{default.as_posix()} in the project",
    )


@app.callback()
def analysis(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_show_version,
            is_eager=True,
            help="Show the version and exit.",
        ),
    ] = False,
) -> None:
    """Clean the penguin table and draw its figures."""


@app.command()
def prepare(
    source: Annotated[Path | None, _path("input", "Raw table, CSV", "raw_file")] = None,
    target: Annotated[
        Path | None, _path("output", "Cleaned table, Parquet", "processed_file")
    ] = None,
) -> None:
    """Clean the raw table and save it."""
    source = source or load_settings().raw_file
    target = target or load_settings().processed_file
    raw = data.load_raw(source)
    penguins = data.clean(raw)
    data.save(penguins, target)
    typer.echo(f"wrote {len(penguins)} of {len(raw)} rows to {target}")


@app.command()
def figures(
    source: Annotated[
        Path | None, _path("input", "Cleaned table, Parquet", "processed_file")
    ] = None,
    target: Annotated[
        Path | None, _path("output", "Directory of the figures, PNG", "figures_dir")
    ] = None,
) -> None:
    """Draw the figures from the cleaned table."""
    source = source or load_settings().processed_file
    target = target or load_settings().figures_dir
    penguins = data.load(source)
    console = Console(stderr=True)
    written = []
    for name in track(plots.FIGURES, "drawing", console=console, transient=True):
        written.append(target / f"{name}.png")
        plots.save(plots.FIGURES[name](penguins), written[-1])
    for path in written:
        typer.echo(f"wrote {path}")
