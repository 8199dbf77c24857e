"""The template in a git repository, and updates of the projects made from it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from support.machine import Machine
from support.project import Project

SAMPLE, END = "{% if cookiecutter.__sample %}", "{% endif %}"
TREE = "{{cookiecutter.__project_dir}}"
PACKAGE = "src/{{cookiecutter.package_name}}"


class Template:
    """A template in a git repository, which can be changed."""

    def __init__(self, machine: Machine, path: Path) -> None:
        self.machine = machine
        self.path = path

    def git(self, *words: str) -> str:
        return self.machine.run("git", *words, cwd=self.path).stdout.strip()

    def commit(self, message: str) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)

    def replace(self, name: str, old: str, new: str) -> None:
        path = self.path / TREE / name
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")


def link(project: Project) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(project.text(".cruft.json"))
    return state


def commit(project: Project, message: str = "Mine") -> None:
    project.git("add", "--all")
    project.git("commit", "--quiet", "--no-verify", "--message", message)


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text("utf-8") + text, "utf-8")


def update(project: Project, check: bool = True, **settings: str) -> tuple[int, str]:
    """Run the update as make does, and return the exit status and the output."""
    project = Project(project.path, {**project.env, **settings})
    template = settings.get("TEMPLATE") or link(project)["template"]
    script = Path(template, "tools/update.py")
    done = project.run(sys.executable, script, check=check)
    return done.returncode, done.stdout
