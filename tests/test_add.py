"""The script behind `make add` of those managers that have no command for it."""

from __future__ import annotations

import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Bake, Machine, Project, programs_of, run
from journey import MANAGERS, put_first_on_path, versions_in

SCRIPT = "scripts/add.py"
WITH_SCRIPT = ("pip-tools", "pipenv", "pip")
DONE = 'echo "$@" >>../called; echo; echo done'

Add = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(params=WITH_SCRIPT)
def manager(request: pytest.FixtureRequest) -> str:
    """One of these managers."""
    return str(request.param)


@pytest.fixture
def project(
    bake: Bake, copy: Callable[[Project], Project], machine: Machine, manager: str
) -> Project:
    """A project of this manager, with lock files and a make that does nothing."""
    project = copy(bake(environment_manager=manager))
    for lock in MANAGERS[manager]["locks"]:
        (project / lock).write_text(f"{lock} as it was\n")
    put_first_on_path(machine, "make", DONE)
    return project


@pytest.fixture
def add(project: Project, stack: Path, machine: Machine) -> Add:
    """Run the script with these words, in the project."""
    python = programs_of(stack) / "python"

    def told(*words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        command = (str(python), SCRIPT, *words)
        return run(*command, cwd=project.path, env=machine.env, check=check)

    return told


def dependencies(project: Project) -> list[str]:
    """Return what the package needs."""
    wanted: list[str] = project.manifest["project"]["dependencies"]
    return wanted


def tools(project: Project, manager: str) -> Any:
    """Return what those who work on it need besides, in the manager's own form."""
    text = project.text(MANAGERS[manager]["development"]["file"])
    if manager == "pip-tools":
        return text.splitlines()
    content = tomllib.loads(text)
    if manager == "pipenv":
        return content["dev-packages"]
    return content["dependency-groups"]["dev"]


def test_what_the_package_needs_gets_the_installed_version_as_its_lower_bound(
    add: Add, project: Project, manager: str, stack: Path
) -> None:
    before, tools_before = dependencies(project), tools(project, manager)
    installed = versions_in(stack)
    done = add("iniconfig", "Pandas [parquet] ; python_version > '3'", "packaging<99")
    assert done.stdout == "done\n"
    called = (project.path.parent / "called").read_text()
    assert called == "--no-print-directory lock install\n"
    (pandas,) = (line for line in before if line.startswith("pandas"))
    place = before.index(pandas)
    bound = f">={installed['pandas']}"
    assert dependencies(project) == [
        *before[:place],
        f'Pandas[parquet]{bound}; python_version > "3"',
        *before[place + 1 :],
        f"iniconfig>={installed['iniconfig']}",
        "packaging<99",
    ]
    assert tools(project, manager) == tools_before


@pytest.mark.parametrize("manager", ["pip"], indirect=True)
def test_what_another_machine_needs_is_added_without_a_bound(
    add: Add, project: Project
) -> None:
    elsewhere = 'nobody; sys_platform == "elsewhere"'
    add(elsewhere, "iniconfig")
    *_, first, second = dependencies(project)
    assert (first, second.partition(">=")[0]) == (elsewhere, "iniconfig")


def test_a_development_tool_goes_where_the_others_are(
    add: Add, project: Project, manager: str
) -> None:
    before, others = tools(project, manager), dependencies(project)
    add("--dev", "More.Itertools>=10", "black", "coverage[toml]")
    assert dependencies(project) == others
    now = tools(project, manager)
    if manager == "pipenv":
        extras = {"version": "*", "extras": ["toml"]}
        added = {"more-itertools": ">=10", "black": "*", "coverage": extras}
        assert now == {**before, **added}
        return
    rest = [line for line in before if not line.startswith("black")]
    assert [line for line in now if line in rest] == rest
    new = [line for line in now if line not in rest]
    assert sorted(new) == ["More.Itertools>=10", "black", "coverage[toml]"]


def test_what_cannot_be_locked_leaves_everything_as_it_was(
    add: Add, project: Project, manager: str, machine: Machine
) -> None:
    before = {name: (project / name).read_bytes() for name in project.files}
    spoil = "; ".join(f"echo x >{lock}" for lock in MANAGERS[manager]["locks"])
    told = "{ echo Traceback; echo '  ERROR: No matching one'; } >&2"
    said = f"{told}; echo; echo 'make: *** Error'"
    put_first_on_path(machine, "make", f"{spoil}; {said}; exit 2")
    for words in (("nobody",), ("--dev", "nobody")):
        done = add(*words, check=False)
        assert (done.returncode, done.stdout.splitlines()) == (
            1,
            [
                "nobody could not be added: ERROR: No matching one",
                "Manifest and lock file are as they were; 'make install' brings the"
                " environment back.",
            ],
        )
        after = {name: (project / name).read_bytes() for name in project.files}
        assert after == before


@pytest.mark.parametrize("manager", ["pip"], indirect=True)
@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("echo", "make failed"),
        ("echo a; echo ' b '", "b"),
        ("printf 'no \\377\\n'", "no \ufffd"),
    ],
)
def test_the_last_line_tells_why_where_no_error_is_named(
    add: Add, machine: Machine, said: str, told: str
) -> None:
    put_first_on_path(machine, "make", f"{said}; exit 2")
    first = add("nobody", check=False).stdout.splitlines()[0]
    assert first == f"nobody could not be added: {told}"


@pytest.mark.parametrize("manager", ["pip"], indirect=True)
def test_what_is_no_requirement_is_told_in_one_line(add: Add, project: Project) -> None:
    done = add("a", "a b", check=False)
    assert done.returncode == 1
    (line,) = done.stdout.splitlines()
    assert line.startswith("no requirement: ")
    assert not (project.path.parent / "called").exists()
