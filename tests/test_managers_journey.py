"""Each environment manager, from the questions to a colleague's clone, and its lock."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import ROOT, Equip, Machine, MachineWith, Project
from journey import (
    MANAGERS,
    STEPS,
    give_habits,
    has_environment,
    holds_nothing_of_the_machine,
    is_finished,
    lock_files,
    locked,
    run_notebook,
    site_packages,
    versions_in,
)
from warm_cache import give_bytecode

sys.path.insert(0, str(ROOT / "hooks"))

import pre_gen_project as gate

pytestmark = pytest.mark.slow
UNIVERSAL = ("uv", "poetry")  # whose lock files hold for every platform
# What an environment has that its lock file does not name.
UNLOCKED = {"pip"}
MISSING = "no-such-package-of-anybodys"  # which no index has


class Made(NamedTuple):
    """A project that a manager has set up, and what was said meanwhile."""

    manager: str
    machine: Machine
    project: Project
    output: str

    @property
    def changed(self) -> set[str]:
        """The tracked files that are not as they were committed, and any new ones."""
        lines = self.project.git("status", "--porcelain").splitlines()
        return {line.split()[-1] for line in lines}

    def commit(self) -> None:
        """Commit everything."""
        self.project.git("commit", "--quiet", "--no-verify", "--all", "--message", "x")


@pytest.fixture(scope="module", params=MANAGERS)
def made(request: pytest.FixtureRequest, machine_with: MachineWith) -> Iterator[Made]:
    """A project that the hook has set up, on a machine with habits of its own."""
    manager = request.param
    machine = machine_with(manager)
    give_habits(machine)
    output = machine.cookiecutter(environment_manager=manager).stdout
    assert "To go on:" not in output, output
    give_bytecode(machine.project() / ".venv")
    yield Made(manager, machine, machine.project(), output)
    machine.remove()


def test_a_project_is_set_up_and_committed_with_its_lock_file(made: Made) -> None:
    is_finished(made.machine, made.project)
    assert re.search(rf"✓ environment .*, by {made.manager} ", made.output)
    for step in STEPS:
        line = rf"^  ✓ {step} .* \d+\.\d s$"
        assert re.search(line, made.output, re.MULTILINE), made.output
    assert not re.search(r"[\x1b\r]", made.output)  # there is no terminal
    tracked = made.project.git("ls-files").splitlines()
    assert {*tracked} >= {*MANAGERS[made.manager]["files"]}


def test_a_lock_file_made_by_set_up_holds_nothing_of_the_machine(made: Made) -> None:
    holds_nothing_of_the_machine(made.machine, made.project)


def test_a_notebook_runs_in_the_kernel_of_every_manager(made: Made) -> None:
    prefix = run_notebook(made.machine, made.project)
    assert Path(prefix).samefile(made.project / ".venv")


def test_no_project_can_be_named_like_what_its_manager_installs(made: Made) -> None:
    names = {*versions_in(made.project / ".venv"), *locked(made.project)}
    free = [name for name in names if not gate.slug_problem(name)]
    assert free == ["my-analysis"]


def test_no_package_can_hide_a_module_that_its_manager_installs(made: Made) -> None:
    site = site_packages(made.project / ".venv")
    importable = [path for path in site.iterdir() if path.suffix in ("", ".py", ".so")]
    modules = {path.name.partition(".")[0].lower() for path in importable}
    # mypyc's shared libraries have a checksum for a name, which no person types.
    modules = {name for name in modules if not name.endswith("__mypyc")}
    assert [name for name in modules if not gate.package_problem(name)] == []


def test_no_project_can_be_named_like_a_program_that_its_manager_installs(
    made: Made,
) -> None:
    programs = {path.name for path in made.project.bin.iterdir()}
    endings = re.compile(r"\.(bat|cmd|exe|ps1|csh|fish|nu|xsh)$")
    programs = {endings.sub("", name) for name in programs}
    assert [name for name in programs if not gate.slug_problem(name)] == ["my-analysis"]


# What changes a lock file, and what must not: one test goes on from the other


def test_upgrading_finds_the_same_versions_whatever_the_habits(made: Made) -> None:
    """Everything is resolved again, by make and not by the hook."""
    made.project.make("upgrade")
    holds_nothing_of_the_machine(made.machine, made.project)
    assert made.changed == set()


def test_an_environment_for_production_has_what_the_package_needs_and_no_more(
    made: Made,
) -> None:
    elsewhere = made.machine.work / "production"
    own = made.project / ".venv"
    before = times_below(own)
    made.project.make("install-production", f"VENV={elsewhere}")
    assert times_below(own) == before
    give_bytecode(elsewhere)
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
    holds_nothing_of_the_machine(made.machine, made.project)
    made.commit()


# All that has come of it, on another machine, which has no habits


def test_a_fresh_clone_has_the_locked_versions_and_passes_everything(
    made: Made, machine: Machine, equip: Equip
) -> None:
    equip(machine, made.manager)
    machine.run("git", "clone", "--quiet", made.project.path, "my-analysis")
    clone = machine.project()
    clone.make("install")
    give_bytecode(clone / ".venv")
    has_environment(machine, clone)
    has_locked_versions(made.manager, clone)
    clone.make("check", "test", "notebooks", "build")
    clone.make("lock")  # fits the manifest as both additions have left it
    assert clone.git("status", "--porcelain") == ""


def times_below(directory: Path) -> dict[str, int]:
    """Return when each file and directory below was last written, in nanoseconds."""
    return {
        path: os.lstat(path).st_mtime_ns
        for place, directories, files in os.walk(directory)
        for path in (f"{place}/{name}" for name in (*directories, *files))
    }


def has_locked_versions(manager: str, project: Project) -> None:
    """Assert that just what the lock file says is installed."""
    pins, installed = locked(project), versions_in(project / ".venv")
    assert installed.pop("my-analysis") == "0.1.0"
    wrong = {
        name: version
        for name, version in installed.items()
        if version not in pins.get(name, ()) and name not in UNLOCKED
    }
    assert wrong == {}
    left_out = {*pins} - {*installed}
    if manager in UNIVERSAL:  # something for Windows and macOS, and not much else
        assert {"colorama", "appnope"} & left_out
        assert len(left_out) < 10, left_out
    else:
        assert left_out == set()
