"""The command line: runs a command and reports an error in one line."""

import typer

from .commands_{{ cookiecutter.starter }} import app
from .config import ProjectError

__all__ = ["app", "main"]


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; an error is one line on standard error.

    Args:
        arguments: The words after the program's name; by default those of the process.

    Raises:
        SystemExit: Always: 0 for success, 1 for an error, 2 for a wrong command line.
    """
    try:
        app(arguments)
    except (ProjectError, OSError) as error:
        typer.echo(f"error: {' '.join(str(error).split())}", err=True)
        raise SystemExit(1) from None
