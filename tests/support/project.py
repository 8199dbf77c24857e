"""The template's directory, running programs, and rendered projects."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import check_jsonschema  # type: ignore[import-untyped]
import pytest
from click.testing import CliRunner

ROOT = Path(__file__).resolve().parents[2]
# The Python that runs the tests, which all of their machines have.
OWN_PYTHON = "{}.{}".format(*sys.version_info)
SLOWEST_COMMAND = 600  # seconds
# The names that the tests expect; each is derived from the one before.
NAMES = {
    "project_name": "My Analysis",
    "project_slug": "my-analysis",
    "package_name": "my_analysis",
}


def default_context() -> dict[str, Any]:
    """Return the content of cookiecutter.json."""
    text = (ROOT / "cookiecutter.json").read_text(encoding="utf-8")
    context: dict[str, Any] = json.loads(text)
    return context


def complete(answers: Mapping[str, Any]) -> dict[str, Any]:
    """Return a test's answers, with default names and without addresses.

    A fork can have other defaults. A test of a choice that it removed is skipped.
    """
    context = default_context()
    for key, answer in answers.items():
        if isinstance(context[key], list) and answer not in context[key]:
            pytest.skip(f"{key} {answer} is not offered")
    names = itertools.takewhile(lambda name: name[0] not in answers, NAMES.items())
    return {"repository_url": "", "package_index_url": "", **dict(names), **answers}


def run(
    *command: str | Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    check: bool = True,
    stdin: str = "",
) -> subprocess.CompletedProcess[str]:
    """Run a program and return its status and output, with both streams in one.

    Raises:
        AssertionError: with the output, if the program fails and check is left on.
    """
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=None if env is None else dict(env),
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        timeout=SLOWEST_COMMAND,
        start_new_session=True,
    )
    shown = " ".join(str(word) for word in command)
    assert not check or done.returncode == 0, f"{shown}: {done.stdout}"
    return done


def follow_schema(schema: str, *words: str | Path) -> None:
    """Assert that files follow a schema that check-jsonschema contains.

    It runs in this process, as starting it takes longer than checking.
    """
    options = ["--builtin-schema", f"vendor.{schema}", *map(str, words)]
    done = CliRunner().invoke(check_jsonschema.main, options)
    assert done.exit_code == 0, done.output


def programs_of(environment: Path) -> Path:
    return environment / ("Scripts" if os.name == "nt" else "bin")


class Project:
    """A rendered project."""

    def __init__(self, path: Path, env: Mapping[str, str]) -> None:
        self.path = path
        self.env = env

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def text(self, name: str) -> str:
        return (self.path / name).read_text(encoding="utf-8")

    @property
    def manifest(self) -> dict[str, Any]:
        return tomllib.loads(self.text("pyproject.toml"))

    @property
    def files(self) -> list[str]:
        """Every file except git's and the environment's, as relative POSIX paths."""
        return sorted(
            path.relative_to(self.path).as_posix()
            for path in self.path.rglob("*")
            if path.is_file() and not {".git", ".venv"} & set(path.parts)
        )

    @property
    def bin(self) -> Path:
        return programs_of(self.path / ".venv")

    def run(
        self, *command: str | Path, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        return run(*command, cwd=self.path, env=self.env, check=check)

    def make(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.run("make", *words, check=check)

    def write(self, name: str, text: str) -> None:
        """Write a file; its directory is created."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def append(self, name: str, text: str) -> None:
        """Append text to a file."""
        self.write(name, self.text(name) + text)

    def replace(self, name: str, old: str, new: str) -> None:
        """Replace text that the file must contain."""
        assert old in self.text(name)
        self.write(name, self.text(name).replace(old, new))

    def commit(self, message: str = "Mine") -> None:
        """Commit everything; a repository is created if there is none."""
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--no-verify", "--message", message)

    def git(self, *words: str) -> str:
        return self.run("git", *words).stdout.strip()


Bake = Callable[..., Project]


def needs(project: Project) -> list[str]:
    """Return the requirements of a project, its extras and its development tools."""
    manifest = project.manifest
    tools = [each for each in manifest["dependency-groups"]["dev"] if "{" not in each]
    listed = manifest["project"]
    extras = itertools.chain(*listed.get("optional-dependencies", {}).values())
    return sorted({*listed["dependencies"], *extras, *tools})
