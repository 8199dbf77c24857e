"""The steps of docs/forking.md work.

The code blocks of the page are applied to a copy of the template: a diff replaces
lines, a text becomes the file named before it, and commands are run.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from support.github import read_form
from support.machine import Machine
from support.project import ROOT, Project, run

PAGE = ROOT / "docs/forking.md"
OTHER_DEFAULTS = {  # except those that the page changes
    "project_name": "Ökologie & Co",
    "description": 'The "best" that\'s there',
    "repository_url": "https://git.acme.example/team/x",
    "sample": False,
    "docker": False,
    "ci": ["gitlab", "github", "none"],
    "set_up": False,
}


class Box(NamedTuple):
    """A code block: its language, its text, and the last file named before it."""

    language: str
    text: str
    file: str


def section(heading: str) -> str:
    page = PAGE.read_text("utf-8")
    (text,) = re.findall(rf"(?ms)^## {heading}\n(.*?)(?=^## |\Z)", page)
    return str(text)


def boxes(heading: str) -> list[Box]:
    text = section(heading)
    found = []
    for match in re.finditer(r"(?ms)^```(\w+)\n(.*?)^```$", text):
        before = text[: match.start()]
        named = re.findall(r"`([^`\n]+)`:\s*\Z", before)
        found.append(Box(match[1], match[2], named[0] if named else ""))
    assert found, heading
    return found


class Fork(Project):
    """A copy of the template to which sections of the page are applied."""

    def __init__(self, machine: Machine, path: Path) -> None:
        super().__init__(path, machine.env)
        self.machine = machine
        # The tests' own tools, linked because make allows no blanks in paths.
        self.tools = machine.home.parent / "tools"
        self.tools.symlink_to(Path(sys.executable).parents[1])

    def follow(self, heading: str) -> None:
        """Apply the code blocks of a section, except running the tests."""
        for box in boxes(heading):
            if box.language == "diff":
                self.apply(box.text)
            elif box.language == "bash":
                self.shell(box.text.replace("make test-fast\n", ""))
            else:
                self.write(box.file, box.text)

    def apply(self, diff: str) -> None:
        first, _, changes = diff.partition("\n")
        name = first.removeprefix("--- ")
        for change in changes.split("@@\n"):
            lines = change.splitlines(keepends=True)
            old = "".join(line[1:] for line in lines if line[0] in " -")
            new = "".join(line[1:] for line in lines if line[0] in " +")
            assert self.text(name).count(old) == 1, (name, old)
            self.replace(name, old, new)

    def delete(self) -> None:
        """Delete the files that the page says can be removed, and links to them."""
        rows = re.findall(r"(?m)^\|[^|]+\| (`.+)\|$", section("Remove things"))
        for name in re.findall(
            r"`([^`]+)`", " ".join(r.split(" and ")[0] for r in rows)
        ):
            path = self.path / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()
            lines = self.text("README.md").splitlines(keepends=True)
            kept = [line for line in lines if f"]({name}" not in line]
            self.write("README.md", "".join(kept))

    def shell(self, commands: str) -> str:
        env = {**self.machine.env, "PATH": os.environ["PATH"]}
        make = (
            f'make() {{ command make --assume-old=install VENV={self.tools} "$@"; }}\n'
        )
        return run("sh", "-ec", make + commands, cwd=self.path, env=env).stdout

    def cookiecutter(self, *answers: str, check: bool = True) -> str:
        command = (sys.executable, "-m", "cookiecutter", self.path, "--no-input")
        return self.machine.run(*command, *answers, check=check).stdout

    def change(self, **values: object) -> None:
        context = {**json.loads(self.text("cookiecutter.json")), **values}
        self.write("cookiecutter.json", json.dumps(context))


@pytest.mark.ci
@pytest.mark.slow
def test_a_fork_that_changed_all_that_the_page_names_passes_the_tests_and_works(
    machine: Machine, template: Path
) -> None:
    path = machine.home.parent / "fork"
    fork = Fork(machine, shutil.copytree(template, path))
    fork.follow("Change the defaults")
    fork.follow("Add a license")
    fork.follow("Add an environment manager")
    fork.follow("Add an option")
    fork.delete()
    fork.change(**OTHER_DEFAULTS)
    fork.shell("make workflows test-fast")
    form = read_form(fork.path)
    assert form["license"]["default"] == "LicenseRef-Acme"
    assert form["environment_manager"]["default"] == "acme-env"

    little = {"notebook": "typer>=0.20", "analysis": "", "model": "", "service": ""}
    tools = {"notebook": "ipykernel pre-commit", "managers": "", "service": ""}
    fork.change(_dependencies=little, _development=tools)
    machine.hide("git")
    answers = ("project_name=My Analysis", "package_index_url=", "privacy_notice=yes")
    output = fork.cookiecutter(*answers, "environment_manager=acme-env", "set_up=yes")
    project = machine.project()
    assert "✓ kernel" in output
    assert "my-analysis" in machine.kernels
    assert "uv.lock" in project.files
    project.run(project.bin / "python", "-c", "import my_analysis")
    metadata = project.manifest["project"]
    assert metadata["authors"] == [{"name": "Data Team", "email": "data@acme.example"}]
    assert metadata["license"] == "LicenseRef-Acme"
    assert "Written by Data Team." in project.text("LICENSE")
    assert (project / "src/my_analysis/train.py").is_file()
    assert (project / "PRIVACY.md").is_file()
    refusal = fork.cookiecutter("project_slug=con", check=False)
    assert "project_slug 'con'" in refusal
