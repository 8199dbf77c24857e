"""The commands that set up a project by hand, for each environment manager.

The result is the same as with the template: locked dependencies in `.venv`, the package
in editable mode, the kernel, the repository and the git hooks.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.sandbox import BIN, PYTHON


def commands(manager: str, project: Path, python: Path) -> list[list[str | Path]]:
    """Return the commands, to be run in the project; `python` creates environments."""
    slug, own_python = project.name, project / PYTHON
    pip = (own_python, "-m", "pip")
    kernel = (own_python, "-m", "ipykernel", "install", "--user", "--name", slug)
    compile_ = (project / BIN / "pip-compile", "--quiet", "--output-file")
    environment: dict[str, list[list[str | Path]]] = {
        "uv": [["uv", "sync", "--quiet"]],
        "poetry": [["poetry", "install", "--no-interaction"]],
        "pipenv": [["pipenv", "install", "--dev"]],
        "pip-tools": [
            [python, "-m", "venv", ".venv"],
            [*pip, "install", "pip-tools"],
            [*compile_, "requirements-dev.txt", "--extra", "dev", "pyproject.toml"],
            [*compile_, "requirements.txt", "pyproject.toml"],
            [project / BIN / "pip-sync", "requirements-dev.txt"],
            [*pip, "install", "--no-deps", "--editable", "."],
        ],
        "pip": [
            [python, "-m", "venv", ".venv"],
            [*pip, "install", "--upgrade", "pip"],
            [*pip, "lock", "--only-deps", ".[dev]", "--output", "pylock.dev.toml"],
            [*pip, "lock", "--only-deps", ".", "--output", "pylock.toml"],
            [*pip, "install", "--requirement", "pylock.dev.toml"],
            [*pip, "install", "--no-deps", "--editable", "."],
        ],
    }
    return [
        *environment[manager],
        [*kernel, "--display-name", f"Python ({slug})"],
        ["git", "init", "--quiet", "--initial-branch", "main"],
        ["git", "add", "--all"],
        ["git", "commit", "--quiet", "--message", f"Start {slug}"],
        [project / BIN / "pre-commit", "install"],
    ]
