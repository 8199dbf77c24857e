"""Each environment manager's lock file: what changes it, and what must not."""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest
from conftest import Machine, MachineWith, Project
from journey import (
    MANAGERS,
    drop_habits,
    give_habits,
    holds_nothing_of_the_machine,
    is_finished,
    lock_files,
    locked,
    versions_in,
)

pytestmark = pytest.mark.slow
MISSING = "no-such-package-of-anybodys"  # which no index has


class Made(NamedTuple):
    """A project that make has set up by a manager."""

    manager: str
    machine: Machine
    project: Project

    @property
    def changed(self) -> set[str]:
        """The tracked files that are not as they were committed, and any new ones."""
        lines = self.project.git("status", "--porcelain").splitlines()
        return {line.split()[-1] for line in lines}

    def commit(self) -> None:
        """Commit everything."""
        self.project.git("commit", "--quiet", "--no-verify", "--all", "--message", "x")


@pytest.fixture(scope="module", params=MANAGERS)
def made(request: pytest.FixtureRequest, machine_with: MachineWith) -> Made:
    """A project that make has set up, on a machine with habits of its own.

    The tests below go on with it, one after the other, when the habits are gone.
    """
    manager = request.param
    machine = machine_with(manager)
    give_habits(machine)
    machine.cookiecutter(environment_manager=manager, set_up="no")
    project = machine.project()
    project.make("install", "repository")
    is_finished(machine, project)
    holds_nothing_of_the_machine(machine, project)
    drop_habits(machine)
    return Made(manager, machine, project)


def test_upgrading_on_another_machine_finds_the_same_versions(made: Made) -> None:
    """Everything is resolved again: the machine's habits have left no trace."""
    made.project.make("upgrade")
    assert made.changed == set()


def test_an_environment_for_production_has_what_the_package_needs_and_no_more(
    made: Made,
) -> None:
    elsewhere = made.machine.work / "production"
    own = made.project / ".venv"
    before = {path: path.lstat().st_mtime_ns for path in own.rglob("*")}
    made.project.make("install-production", f"VENV={elsewhere}")
    assert {path: path.lstat().st_mtime_ns for path in own.rglob("*")} == before
    installed = versions_in(elsewhere)
    assert {"my-analysis", "pandas", "typer"} <= {*installed}
    assert not {"pytest", "black", "ipykernel", "mypy", "ruff"} & {*installed}
    pins = locked(made.project)
    assert all(installed[name] in pins[name] for name in ("pandas", "typer", "numpy"))
    said = made.machine.run(elsewhere / "bin" / "my-analysis", "--help").stdout
    assert "prepare" in said
    assert made.changed == set()


def test_a_package_that_does_not_exist_changes_nothing(made: Made) -> None:
    done = made.project.make("add", f"PACKAGE={MISSING}", check=False)
    assert done.returncode == 2
    assert made.changed == set()
    told = rf"could not be added|{MISSING} was not found|Could not find .* {MISSING}"
    assert re.search(told, done.stdout), done.stdout
    assert "Traceback" not in done.stdout, done.stdout


def test_adding_nothing_is_told_in_one_line(made: Made) -> None:
    done = made.project.make("add", check=False)
    assert done.returncode == 2
    said, stopped = done.stdout.splitlines()
    assert said == "Which one? make add PACKAGE=polars"
    assert stopped.startswith("make: ***")
    assert made.changed == set()


def test_adding_a_dependency_changes_manifest_lock_and_environment_together(
    made: Made,
) -> None:
    made.project.make("add", "PACKAGE=tabulate")
    installed = versions_in(made.project / ".venv")
    assert locked(made.project)["tabulate"] == {installed["tabulate"]}
    in_lock_files = made.changed - {"pyproject.toml"}
    assert in_lock_files < made.changed
    assert in_lock_files
    assert in_lock_files <= {*lock_files(made.project)}
    wanted = made.project.manifest["project"]["dependencies"]
    (line,) = (each for each in wanted if each.startswith("tabulate"))
    assert ">=" in line
    made.commit()


def test_adding_a_development_tool_changes_manifest_lock_and_environment_together(
    made: Made,
) -> None:
    runtime = made.project.manifest["project"]["dependencies"]
    made.project.make("add", "PACKAGE=more-itertools", "DEV=yes")
    installed = versions_in(made.project / ".venv")
    assert locked(made.project)["more-itertools"] == {installed["more-itertools"]}
    manifest = MANAGERS[made.manager]["development"]["file"]
    assert "more-itertools" in made.project.text(manifest)
    assert made.project.manifest["project"]["dependencies"] == runtime
    assert made.changed == {manifest, MANAGERS[made.manager]["locks"][-1]}
    made.commit()
    made.project.make("lock")  # fits the manifest as both additions have left it
    assert made.changed == set()
