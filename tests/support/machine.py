"""A user's machine, on which projects are made."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from support.project import Project, complete, run

# Set by activated environments, by the make that runs the tests, and to avoid bytecode,
# which would make every start of Python compile its imports.
INHERITED = (
    "VIRTUAL_ENV",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONUNBUFFERED",
    "PYENV_VERSION",
    "PYENV_DIR",
    "UV",
    "UV_PROJECT_ENVIRONMENT",
    "MAKEFLAGS",
    "MAKELEVEL",
    "MFLAGS",
    "ARGS",
    "VENV",
    "PYTEST_DEBUG_TEMPROOT",
)
# Prefixes of the settings of the person who runs the tests.
PERSONAL = ("GIT_", "JUPYTER", "UV_", "XDG_")


@functools.cache
def without(path: str, programs: frozenset[str]) -> str:
    """Return a directory of links to the programs on PATH, except these."""
    kept = Path(tempfile.mkdtemp(prefix="programs-"))
    found: dict[str, Path] = {}
    for directory in map(Path, path.split(os.pathsep)):
        for program in directory.iterdir() if directory.is_dir() else ():
            found.setdefault(program.name, program)
    for name in {*found} - programs:
        (kept / name).symlink_to(found[name])
    return str(kept)


class Machine:
    """A user's machine, with its own HOME and PATH.

    It uses the package caches of the machine that runs the tests.

    Attributes:
        home: the HOME directory, empty except for git's configuration.
        work: the directory in which projects are made.
        env: the environment of every program that is started.
    """

    def __init__(
        self, directory: Path, template: Path, caches: Mapping[str, str]
    ) -> None:
        self.template = template
        self.home = directory / "home"
        self.work = directory / "work"
        self.home.mkdir()
        self.work.mkdir()
        self.env = {
            name: value
            for name, value in os.environ.items()
            if name not in INHERITED and not name.startswith(PERSONAL)
        }
        self.env |= caches
        self.env["HOME"] = self.env["USERPROFILE"] = str(self.home)
        self.env["PWD"] = str(self.work)
        self.configure_git("Ada Lovelace", "ada@example.org")

    def configure_git(self, name: str, email: str) -> None:
        """Write the user's name and e-mail address into git's configuration."""
        text = f'[user]\n\tname = "{name}"\n\temail = "{email}"\n'
        (self.home / ".gitconfig").write_text(text, encoding="utf-8")

    def remove(self) -> None:
        shutil.rmtree(self.home.parent, ignore_errors=True)

    def hide(self, *programs: str) -> None:
        """Hide programs: PATH becomes one directory of links to all the others."""
        self.env["PATH"] = without(self.env["PATH"], frozenset(programs))

    def run(
        self, *command: str | Path, cwd: Path | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        return run(*command, cwd=cwd or self.work, env=self.env, check=check)

    def command(self, *words: str, **answers: object) -> list[str]:
        """Return the command line that makes a project without asking questions.

        Args:
            words: further options of cookiecutter.
            answers: answers to some questions; by default the project is set up.
        """
        answers = complete({"set_up": "yes", **answers})
        given = [f"{name}={value}" for name, value in answers.items()]
        python = [sys.executable, "-m", "cookiecutter"]
        return [*python, str(self.template), "--no-input", *words, *given]

    def cookiecutter(
        self, *words: str, check: bool = True, **answers: object
    ) -> subprocess.CompletedProcess[str]:
        """Make a project in the working directory, without questions."""
        return self.call_cookiecutter(*self.command(*words, **answers)[3:], check=check)

    def call_cookiecutter(
        self, *words: str, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        python = [sys.executable, "-m", "cookiecutter"]
        return self.run(*python, *words, check=check)

    def project(self, name: str = "my-analysis") -> Project:
        """Return the project of this slug in the working directory."""
        return Project(self.work / name, self.env)

    @property
    def kernels(self) -> dict[str, dict[str, Any]]:
        found = self.home.glob("**/jupyter/kernels/*/kernel.json")
        return {path.parent.name: json.loads(path.read_text("utf-8")) for path in found}


Equip = Callable[[Machine, str], None]
MachineWith = Callable[[str], Machine]
