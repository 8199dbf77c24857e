"""What a person types to do the set-up by hand, with each manager's own CLI.

The commands make what the template makes: an environment in ``.venv`` with the same
dependencies locked and installed, the package editable, the kernel, the repository, the
git hooks. They run in a directory that holds the project's files.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

BIN = Path(".venv", "Scripts" if os.name == "nt" else "bin")
PYTHON = str(BIN / "python")


def commands(manager: str, project: Path, python: str) -> dict[str, list[str]]:
    """Return the commands by the names that the table gives them, in turn.

    Args:
        manager: environment manager, as in cookiecutter.json.
        project: directory with the project's files.
        python: a Python of the project's version, for what doesn't find one itself.
    """
    slug = project.name
    kernel = [PYTHON, "-m", "ipykernel", "install", "--user", "--name", slug]
    return environment(manager, project, python) | {
        "ipykernel install": [*kernel, "--display-name", f"Python ({slug})"],
        "git init": ["git", "init", "--quiet", "--initial-branch", "main"],
        "git add": ["git", "add", "--all"],
        "git commit": ["git", "commit", "--quiet", "--message", f"Start {slug}"],
        "pre-commit install": [str(BIN / "pre-commit"), "install"],
    }


def environment(manager: str, project: Path, python: str) -> dict[str, list[str]]:
    """Return the commands that lock the dependencies and make the environment."""
    make = {"python -m venv": [python, "-m", "venv", ".venv"]}
    pip = [PYTHON, "-m", "pip"]
    editable = {"pip install --editable": [*pip, "install", "--no-deps", "-e", "."]}
    if manager == "uv":
        return {"uv sync": ["uv", "sync", "--quiet"]}
    if manager == "poetry":
        return {"poetry install": ["poetry", "install", "--no-interaction"]}
    if manager == "pipenv":
        return {"pipenv install": ["pipenv", "install", "--dev"]}
    if manager == "pip-tools":
        tools = str(BIN / "pip-compile")
        locks = ["requirements.txt", "requirements-dev.txt"]
        return make | {
            "pip install pip-tools": [*pip, "install", "pip-tools"],
            "pip-compile": [tools, "-q", "-o", locks[0], "pyproject.toml"],
            "pip-compile, tools": [tools, "-q", "-o", locks[1], "requirements-dev.in"],
            "pip-sync": [str(BIN / "pip-sync"), *locks],
            **editable,
        }
    if manager == "pip":
        manifest = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))
        needed: list[str] = manifest["project"]["dependencies"]
        lock, everything = [*pip, "lock", "--output"], "pylock.dev.toml"
        return make | {
            "pip install pip": [*pip, "install", "--upgrade", "pip"],
            "pip lock": [*lock, "pylock.toml", *needed],
            "pip lock, tools": [*lock, everything, "--group", "dev", *needed],
            "pip install": [*pip, "install", "--requirement", everything],
            **editable,
        }
    raise ValueError(f"nobody has said what is typed by hand with {manager}")
