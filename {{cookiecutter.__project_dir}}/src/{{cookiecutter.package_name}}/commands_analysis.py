"""The commands of the analysis: clean the table, and draw its figures."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import track

from . import __version__, data, plots
from .config import Settings, load_settings

app = typer.Typer(add_completion=False, no_args_is_help=True)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


def path_option(
    flag: str, content: str, setting: str, settings: type[Settings] = Settings
) -> Any:
    """Make the option of a path that stands in for a setting.

    Args:
        flag: The option's name, without dashes; its first letter is the short form.
        content: What is at the path, for the help.
        setting: The setting's name, whose default the help shows.
        settings: The class that has the setting.
    """
    default = settings.model_fields[setting].default
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
            help="Show the version and exit.",
        ),
    ] = False,
) -> None:
    """Go from the penguin table to the results, one step with each command."""


@app.command()
def prepare(
    source: Annotated[
        Path | None, path_option("input", "Raw table, CSV", "raw_file")
    ] = None,
    target: Annotated[
        Path | None, path_option("output", "Cleaned table, Parquet", "processed_file")
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
        Path | None, path_option("input", "Cleaned table, Parquet", "processed_file")
    ] = None,
    target: Annotated[
        Path | None,
        path_option("output", "Directory of the figures, PNG", "figures_dir"),
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
