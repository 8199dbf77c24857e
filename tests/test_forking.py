"""The steps of docs/forking.md work as the page shows them.

The test applies the boxes of the page to a copy of the template: a diff replaces the
lines that it shows, a text becomes the file named before it, and a command is run.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from conftest import ROOT, Machine, run
from github_files import FORM_FILE

PAGE = ROOT / "docs/forking.md"


class Box(NamedTuple):
    """A box of the page: its language, its text, and the last file named before it."""

    language: str
    text: str
    file: str


def boxes(heading: str) -> list[Box]:
    """Return the boxes of a section of the page."""
    page = PAGE.read_text("utf-8")
    (section,) = re.findall(rf"(?ms)^## {heading}\n(.*?)(?=^## |\Z)", page)
    found = []
    for match in re.finditer(r"(?ms)^```(\w+)\n(.*?)^```$", section):
        before = section[: match.start()]
        named = re.findall(r"`([^`\n]+)`:\s*\Z", before)
        found.append(Box(match[1], match[2], named[0] if named else ""))
    assert found, heading
    return found


class Fork:
    """A copy of the template in which sections of the page are followed."""

    def __init__(self, machine: Machine, path: Path) -> None:
        self.machine = machine
        self.path = path
        # It uses the tools of these tests, by a link as make takes no path with blanks.
        self.tools = machine.home.parent / "tools"
        self.tools.symlink_to(Path(sys.executable).parents[1])

    def follow(self, heading: str) -> None:
        """Do what the boxes of a section say, except running the whole suite."""
        for box in boxes(heading):
            if box.language == "diff":
                self.apply(box.text)
            elif box.language == "bash":
                for command in box.text.splitlines():
                    if command != "make test":
                        self.make(command)
            else:
                (self.path / box.file).write_text(box.text, "utf-8", newline="\n")

    def apply(self, diff: str) -> None:
        """Replace the lines that a diff shows."""
        first, _, changes = diff.partition("\n")
        path = self.path / first.removeprefix("--- ")
        for change in changes.split("@@\n"):
            lines = change.splitlines(keepends=True)
            old = "".join(line[1:] for line in lines if line[0] in " -")
            new = "".join(line[1:] for line in lines if line[0] in " +")
            text = path.read_text("utf-8")
            assert text.count(old) == 1, f"{path.name} does not hold once:\n{old}"
            path.write_text(text.replace(old, new), "utf-8", newline="\n")

    def make(self, command: str) -> str:
        """Run a command of the page and return its output."""
        make, *words = shlex.split(command)
        assert make == "make"
        env = {**self.machine.env, "PATH": os.environ["PATH"]}
        tools = ("--assume-old=install", f"VENV={self.tools}")
        return run("make", *tools, *words, cwd=self.path, env=env).stdout

    def cookiecutter(self, *answers: str, check: bool = True) -> str:
        """Make the files of a project from the fork and return the output."""
        command = (sys.executable, "-m", "cookiecutter", self.path, "--no-input")
        return self.machine.run(*command, "set_up=no", *answers, check=check).stdout

    @property
    def form(self) -> dict[str, dict[str, Any]]:
        """The questions of "Use this template"."""
        text = (self.path / FORM_FILE).read_text("utf-8")
        workflow = yaml.load(text, yaml.BaseLoader)
        inputs: dict[str, dict[str, Any]] = workflow["on"]["workflow_dispatch"][
            "inputs"
        ]
        return inputs


@pytest.mark.slow
def test_a_fork_with_other_defaults_a_license_and_an_option_of_its_own(
    machine: Machine, template: Path
) -> None:
    path = machine.home.parent / "fork"
    shutil.copytree(template, path)
    fork = Fork(machine, path)
    fork.follow("Change the defaults")
    fork.follow("Use your own license")
    fork.follow("Add an option")
    assert fork.form["license"]["default"] == "LicenseRef-Acme"
    assert fork.form["starter"]["default"] == "model"

    machine.hide("git", "poetry")
    fork.cookiecutter("python_version=3.12", "privacy_notice=yes")
    project = machine.project()
    metadata = project.manifest["project"]
    assert metadata["authors"] == [{"name": "Data Team", "email": "data@acme.example"}]
    assert metadata["license"] == "LicenseRef-Acme"
    assert "Written by Data Team." in project.text("LICENSE")
    assert "packages.acme.example" in project.text("Makefile")
    assert (project / "notebooks/02-model.ipynb").is_file()
    assert (project / "PRIVACY.md").is_file()
    refusal = fork.cookiecutter("project_slug=con", check=False)
    assert "project_slug 'con'" in refusal

    files = "tests/test_combinations.py tests/test_defaults.py"
    output = fork.make(f'make test-fast ARGS="{files}"')
    assert re.search(r"\d\d passed", output)
