"""The template in a git repository, and updates of projects made from it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from support.machine import Machine
from support.project import Project

SAMPLE, END = "{% if cookiecutter.__sample %}", "{% endif %}"
TREE = "{{cookiecutter.__project_dir}}"
PACKAGE = f"{TREE}/src/{{{{cookiecutter.package_name}}}}"


class Template(Project):
    """A template in a git repository on a machine, which tests can change."""

    def __init__(self, machine: Machine, path: Path) -> None:
        super().__init__(path, machine.env)
        self.machine = machine


def link(project: Project) -> dict[str, Any]:
    """Return a project's link to its template."""
    state: dict[str, Any] = json.loads(project.text(".cruft.json"))
    return state


def update(project: Project, check: bool = True, **settings: str) -> tuple[int, str]:
    """Run the update like make, and return the exit status and the output."""
    project = Project(project.path, {**project.env, **settings})
    template = settings.get("TEMPLATE") or link(project)["template"]
    script = Path(template, "tools/update.py")
    done = project.run(sys.executable, script, check=check)
    return done.returncode, done.stdout
