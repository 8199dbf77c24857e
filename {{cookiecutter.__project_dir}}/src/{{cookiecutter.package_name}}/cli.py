"""The command line: run a command, and say what goes wrong in one line."""

import typer

from .commands_{{ cookiecutter.starter }} import app
from .config import ProjectError

__all__ = ["app", "main"]


def main(arguments: list[str] | None = None) -> None:
    """Run the command line, and say what goes wrong in one line on standard error.

    Args:
        arguments: The words after the program's name; by default those it was given.

    Raises:
        SystemExit: Always: 0 for success, 1 for an error, 2 for a wrong command line.
    """
    try:
        app(arguments)
    except ProjectError as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))


def _fail(message: str) -> None:
    typer.echo(f"error: {' '.join(message.split())}", err=True)
    raise SystemExit(1)
