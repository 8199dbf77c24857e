"""Whoever follows docs/forking.md word for word gets what it promises.

The boxes of the page are applied to a copy of the template: a diff replaces the lines
that it shows, a text after a file's name becomes that file, and a command is run. The
tests that the commands start are those of the copy.
"""

from __future__ import annotations

import json
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
# The tools of these tests serve the copy, which would get its own.
WITH_THESE_TOOLS = ("--assume-old=install", f"VENV={Path(sys.executable).parents[1]}")


class Box(NamedTuple):
    """A box of the page: its language, its text, and the last file named before it."""

    language: str
    text: str
    file: str


class Fork:
    """A copy of the template in which a section of the page is followed.

    Attributes:
        ran: every command that was run, and what it printed.
    """

    def __init__(self, machine: Machine, path: Path) -> None:
        self.machine = machine
        self.path = path
        self.ran: dict[str, str] = {}

    def follow(self, heading: str, *, leave_out: str = "") -> None:
        """Do what the boxes of a section say.

        Args:
            leave_out: a command that this test does without.
        """
        for box in boxes(heading):
            if box.language == "diff":
                self.apply(box.text)
            elif box.language == "bash":
                for command in box.text.splitlines():
                    if command != leave_out:
                        self.make(command)
            else:
                self.write(box.file, box.text)

    def apply(self, diff: str) -> None:
        """Replace the lines that a diff shows by those that it wants."""
        first, _, changes = diff.partition("\n")
        path = self.path / first.removeprefix("--- ")
        for change in changes.split("@@\n"):
            lines = change.splitlines(keepends=True)
            old = "".join(line[1:] for line in lines if line[0] in " -")
            new = "".join(line[1:] for line in lines if line[0] in " +")
            text = path.read_text("utf-8")
            assert text.count(old) == 1, f"{path.name} does not hold once:\n{old}"
            path.write_text(text.replace(old, new), "utf-8", newline="\n")

    def write(self, name: str, text: str) -> None:
        """Add a file."""
        assert not (self.path / name).exists()
        (self.path / name).write_text(text, "utf-8", newline="\n")

    def make(self, command: str) -> None:
        """Run a command of the page, with the tools that are here."""
        make, *words = shlex.split(command)
        assert make == "make"
        env = {**self.machine.env, "PATH": os.environ["PATH"]}
        done = run("make", *WITH_THESE_TOOLS, *words, cwd=self.path, env=env)
        self.ran[command] = done.stdout

    @property
    def context(self) -> dict[str, Any]:
        """What its cookiecutter.json says."""
        text = (self.path / "cookiecutter.json").read_text("utf-8")
        context: dict[str, Any] = json.loads(text)
        return context

    @property
    def form(self) -> dict[str, dict[str, Any]]:
        """The questions of its "Use this template"."""
        text = (self.path / FORM_FILE).read_text("utf-8")
        workflow = yaml.load(text, yaml.BaseLoader)
        questions: dict[str, dict[str, Any]] = workflow["on"]["workflow_dispatch"][
            "inputs"
        ]
        return questions


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


@pytest.fixture
def fork(machine: Machine, template: Path) -> Fork:
    """A copy of the template, for an organisation to change."""
    path = machine.home.parent / "fork"
    shutil.copytree(template, path)
    return Fork(machine, path)


def passed(output: str) -> int:
    """Return how many tests passed in a run in which none failed."""
    (count,) = re.findall(r"(\d+) passed", output)
    assert not re.search(r"\d+ (failed|error)", output)
    return int(count)


@pytest.mark.slow
def test_a_new_option_works_as_the_page_shows_it(fork: Fork) -> None:
    fork.follow("Add an option")
    own, others = fork.ran.values()
    assert passed(own) == 2
    assert passed(others) > 60
    tools = [sys.executable, "-m"]
    written = "tests/test_privacy_notice.py"
    fork.machine.run(*tools, "black", "--check", written, cwd=fork.path)
    fork.machine.run(*tools, "ruff", "check", written, cwd=fork.path)


@pytest.mark.slow
def test_a_license_of_ones_own_works_as_the_page_shows_it(fork: Fork) -> None:
    fork.follow("Use your own license")
    assert passed(fork.ran[[*fork.ran][-1]]) > 10
    assert fork.form["license"]["default"] == "LicenseRef-Acme"
    made = fork.machine.run(
        *(sys.executable, "-m", "cookiecutter", str(fork.path), "--no-input"),
        *("set_up=no", "author_name=Ada"),
    )
    assert "To set it up" in made.stdout
    project = fork.machine.project()
    assert "Written by Ada." in project.text("LICENSE")
    assert project.manifest["project"]["license"] == "LicenseRef-Acme"


@pytest.mark.slow
def test_the_defaults_are_changed_in_one_file(fork: Fork) -> None:
    before = fork.context
    fork.follow("Change the defaults", leave_out="make test")
    changed = {key for key in before if before[key] != fork.context[key]}
    assert changed == {
        "author_name",
        "author_email",
        "package_index_url",
        "python_version",
        "environment_manager",
        "starter",
    }
    assert fork.form["starter"]["default"] == "model"
    # Neither the gate nor the hooks hold a default of their own.
    fork.machine.hide("git", "poetry")
    fork.machine.run(
        *(sys.executable, "-m", "cookiecutter", str(fork.path), "--no-input"),
        *("set_up=no", "python_version=3.12"),
    )
    project = fork.machine.project()
    assert project.manifest["project"]["authors"] == [
        {"name": "Data Team", "email": "data@acme.example"}
    ]
    assert "packages.acme.example" in project.text("Makefile")
    assert (project / "notebooks/02-model.ipynb").is_file()
    assert project.text(".python-version") == "3.12\n"
    refused = fork.machine.run(
        *(sys.executable, "-m", "cookiecutter", str(fork.path), "--no-input"),
        *("set_up=no", "project_slug=con", "author_email=nobody"),
        check=False,
    )
    assert refused.returncode == 1
    assert "project_slug 'con'" in refused.stdout
    assert "try ada@example.com" in refused.stdout


@pytest.mark.slow
def test_the_templates_tests_hold_with_other_defaults(fork: Fork) -> None:
    fork.follow("Change the defaults", leave_out="make test")
    files = [f"tests/test_{name}.py" for name in ("defaults", "documents", "starters")]
    quick = '-m "not slow" -k "not largest"'
    fork.make(f"make test ARGS='{quick} {' '.join(files)}'")
    fork.make("make test ARGS='tests/test_combinations.py -k \"belong or valid\"'")
    assert all(passed(text) > 20 for words, text in fork.ran.items() if "ARGS" in words)
