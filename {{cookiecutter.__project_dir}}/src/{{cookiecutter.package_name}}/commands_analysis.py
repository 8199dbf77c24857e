"""The commands of the analysis: clean the table and draw its figures."""

from pathlib import Path
from typing import Annotated, Any

import typer

from . import __version__, data, plots, tables
from .config import Settings

app = typer.Typer(add_completion=False, no_args_is_help=True)


def path_option(flag: str, content: str, default: str) -> Any:
    """Make the option for a path; its first letter is the short form."""
    return typer.Option(f"--{flag}", f"-{flag[0]}", help=content, show_default=default)


RAW = path_option("input", "Raw table, CSV.", f"data/raw/{data.RAW_FILE}")
FIGURES = path_option("output", "Directory of the figures.", "reports/figures")
CLEANED = f"data/processed/{data.PROCESSED_FILE}"


def raw_file(path: Path | None) -> Path:
    """Return the raw table's file: the given one or the project's."""
    return path or Settings.load().raw_dir / data.RAW_FILE


def _cleaned_file(path: Path | None) -> Path:
    return path or Settings.load().processed_dir / data.PROCESSED_FILE


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def analysis(
    version: Annotated[bool, typer.Option("--version", callback=_show_version)] = False,
) -> None:
    """Go from the raw table to the results, one step with each command."""


@app.command()
def prepare(
    source: Annotated[Path | None, RAW] = None,
    target: Annotated[
        Path | None, path_option("output", "Cleaned table, Parquet.", CLEANED)
    ] = None,
) -> None:
    """Clean the raw table and save it."""
    source, target = raw_file(source), _cleaned_file(target)
    raw = data.load_raw(source)
    cleaned = data.clean(raw)
    tables.write(cleaned, target)
    typer.echo(f"wrote {len(cleaned)} of {len(raw)} rows to {target}")


@app.command()
def figures(
    source: Annotated[
        Path | None, path_option("input", "Cleaned table, Parquet.", CLEANED)
    ] = None,
    target: Annotated[Path | None, FIGURES] = None,
) -> None:
    """Draw the figures from the cleaned table."""
    source = _cleaned_file(source)
    target = target or Settings.load().figures_dir
    table = tables.read(source, hint="`prepare` makes it")
    tables.require(table, data.COLUMNS, source)
    target.mkdir(parents=True, exist_ok=True)
    for name, draw in plots.FIGURES.items():
        path = target / f"{name}.png"
        draw(table).savefig(path, dpi=200)
        typer.echo(f"wrote {path}")
