"""The smaller scripts of a project, with a pip that does what it is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Bake, Machine, Project, run

INDEX = "https://packages.example.com/simple/"
PYPI = "https://public.example.org/simple"
MIRROR = "https://me:secret@mirror.example.com/simple"
PIP = """
import argparse, json, os, pathlib, sys

verb, *words = sys.argv[1:]
if verb == "config":
    print(os.environ.get("SETTINGS", ""))
    sys.exit(os.environ.get("BROKEN"))
parser = argparse.ArgumentParser()
parser.add_argument("-q", dest="quiet", action="count")
for name in ("output", "constraint", "group"):
    parser.add_argument(f"--{name}")
parser.add_argument("requirements", nargs="*")
asked = vars(parser.parse_args(words))
output = pathlib.Path(asked["output"])
asked["output"] = output.name
asked["constraint"] = pathlib.Path(asked["constraint"]).read_text()
asked["settings"] = {name: os.environ[name] for name in os.environ if "PIP_" in name}
with open("../asked", "a") as record:
    print(json.dumps(asked), file=record)
pins = [("a", "1"), ("b", "2")] if asked["group"] else [("a", "1")]
table = '[[packages]]\\nname = "{}"\\nversion = "{}"\\n'
output.write_text("".join(table.format(*pin) for pin in pins))
sys.exit(None if asked["group"] else os.environ.get("FAILS"))
"""
BOTH, ONE = "a==1\nb==2\n", "a==1\n"

Copy = Callable[[Project], Project]
Script = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def pip(machine: Machine, tmp_path: Path) -> None:
    """Every Python of the machine has this pip, and none has settings."""
    package = tmp_path / "site/pip"
    (package / "_internal/models").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(PIP)
    index = package / "_internal/models/index.py"
    index.write_text(f"class PyPI:\n    simple_url = {PYPI!r}\n")
    for name in [*machine.env]:
        if name.startswith(("PIP_", "PIPENV_")):  # this machine's
            del machine.env[name]
    machine.env["PYTHONPATH"] = str(package.parent)


# Lock files that pip makes


@pytest.fixture
def locked(bake: Bake, copy: Copy, machine: Machine, pip: None) -> Project:
    """A project of pip's, without lock files."""
    return Project(copy(bake(environment_manager="pip")).path, machine.env)


def lock(project: Project, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the script that locks."""
    return project.run(sys.executable, "scripts/lock.py", *words, check=False)


def asked(project: Project) -> list[dict[str, Any]]:
    """Return what pip was asked."""
    lines = (project.path.parent / "asked").read_text().splitlines()
    return [json.loads(line) for line in lines]


def held(project: Project) -> dict[str, str]:
    """Return what a project holds at its top, apart from what the template has made."""
    names = {path.name for path in project.path.iterdir() if path.is_file()}
    return {name: project.text(name) for name in names if name.startswith("pylock")}


def test_pip_locks_the_whole_and_then_the_part_within_it(locked: Project) -> None:
    assert (lock(locked).returncode, lock(locked).stdout) == (0, "")
    whole, part = asked(locked)[:2]
    needs = locked.manifest["project"]["dependencies"]
    same = {"quiet": 2, "requirements": needs}
    same["settings"] = {"PIP_CONFIG_FILE": os.devnull}
    everything = {"output": "pylock.dev.toml", "constraint": "", "group": "dev"}
    assert whole == {**same, **everything}
    assert part == {**same, "output": "pylock.toml", "constraint": BOTH, "group": None}
    lock(locked, "--upgrade")
    within = [each["constraint"] for each in asked(locked)]
    assert within == ["", BOTH, BOTH, BOTH, "", BOTH]
    table = '[[packages]]\nname = "{}"\nversion = "{}"\n'
    a, b = table.format("a", "1"), table.format("b", "2")
    assert held(locked) == {"pylock.toml": a, "pylock.dev.toml": a + b}


def test_what_pip_can_not_lock_leaves_the_lock_files_as_they_were(
    locked: Project, machine: Machine
) -> None:
    before = dict.fromkeys(("pylock.toml", "pylock.dev.toml"), "packages = []\n")
    for name, text in before.items():
        (locked / name).write_text(text)
    machine.env["FAILS"] = "no"
    done = lock(locked)
    told = "pip could not lock the dependencies: 'make upgrade' may help"
    assert (done.returncode, done.stdout) == (1, f"no\n{told}\n")
    assert held(locked) == before


def test_a_lock_file_that_can_not_be_written_leaves_nothing_beside_it(
    locked: Project,
) -> None:
    """And none in the place of that whose presence says that both are there."""
    (locked / "pylock.toml/mine").mkdir(parents=True)
    done = lock(locked)
    (line,) = done.stdout.splitlines()
    assert line.startswith("the lock files could not be written: ")
    assert (done.returncode, held(locked)) == (1, {})


# What pip is told on this machine


@pytest.fixture
def isolated(bake: Bake, copy: Copy, machine: Machine, pip: None) -> Script:
    """Run lines of shell through the script, in a project of this manager."""

    def done(manager: str, script: str) -> subprocess.CompletedProcess[str]:
        project = copy(bake(environment_manager=manager))
        words = (sys.executable, "scripts/isolated.py", "sh", "-c", script)
        return run(*words, cwd=project.path, env=machine.env, check=False)

    return done


def test_pips_settings_count_as_far_as_they_are_for_locking(
    isolated: Script, machine: Machine
) -> None:
    lines = (":env:.timeout='1'", "global.timeout='2'", "global.proxy='3'")
    others = ("lock.cert='4'", "install.cert='5'", "lock.pre='6'")
    machine.env["SETTINGS"] = "\n".join([*lines, *others])
    said = isolated("pip-tools", "env").stdout.splitlines()
    told = {line for line in said if line.startswith("PIP_")}
    own = {"PIP_TIMEOUT=1", "PIP_PROXY=3", "PIP_CERT=4"}
    assert told == {*own, f"PIP_CONFIG_FILE={os.devnull}"}


def test_nothing_is_locked_where_pip_can_not_read_its_settings(
    isolated: Script, machine: Machine
) -> None:
    machine.env["BROKEN"] = "no"
    done = isolated("pip-tools", "echo done")
    told = "nothing is locked, as pip can't read its settings"
    assert (done.returncode, done.stdout) == (1, f"no\n{told}\n")


@pytest.mark.parametrize("manager", ["pip-tools", "pipenv"])
def test_a_manager_that_can_not_lock_is_heard(
    isolated: Script, machine: Machine, manager: str
) -> None:
    machine.env["PIPENV_PYPI_MIRROR"] = MIRROR
    done = isolated(manager, "echo no; exit 3")
    assert (done.returncode, done.stdout) == (3, "no\n")


def test_without_a_mirror_what_pipenv_has_locked_is_left_alone(
    isolated: Script, tmp_path: Path
) -> None:
    lock = '{"markers": ""}'
    done = isolated("pipenv", f"echo '{lock}' >Pipfile.lock")
    assert done.returncode == 0
    (written,) = tmp_path.glob("*/Pipfile.lock")
    assert written.read_text() == f"{lock}\n"


# The credentials of a private index


def test_a_command_of_a_build_has_the_credentials_that_are_its_secrets(
    bake: Bake, tmp_path: Path
) -> None:
    """The engine's place for them is another one here."""
    project = bake(environment_manager="pipenv", package_index_url=INDEX)
    for name, value in {"username": "ada", "password": "a b"}.items():
        (tmp_path / f"package_index_{name}").write_text(value)
    show = 'echo "$PACKAGE_INDEX_USERNAME:$PACKAGE_INDEX_PASSWORD $PIP_INDEX_URL $*"'
    code = (
        "import pathlib, runpy, sys;"
        f"places = {{'/run/secrets': pathlib.Path({str(tmp_path)!r})}};"
        "pathlib.Path = places.__getitem__;"
        "runpy.run_path('scripts/with_index.py', run_name='__main__')"
    )
    command = (sys.executable, "-c", code, "sh", "-c", show, "-", "x y")
    done = run(*command, cwd=project.path)
    address = INDEX.replace("://", "://ada:a%20b@")
    assert done.stdout == f"ada:a b {address} x y\n"


# Release notes


@pytest.mark.parametrize("manifest", ["", "[project]\n", "<<<<<<< ours\n"])
def test_without_a_version_there_are_no_release_notes(
    bake: Bake, copy: Copy, manifest: str
) -> None:
    project = copy(bake())
    (project / "pyproject.toml").write_text(manifest)
    done = project.run(sys.executable, "scripts/release_notes.py", check=False)
    said = "No release notes: pyproject.toml states no version.\n"
    assert (done.returncode, done.stdout) == (1, said)


def test_a_version_without_notes_is_told_how_its_section_is_called(bake: Bake) -> None:
    done = bake().run(sys.executable, "scripts/release_notes.py", check=False)
    assert done.returncode == 1
    rename = "rename its section '## [Unreleased]' to '## [0.1.0] - YYYY-MM-DD'."
    assert done.stdout.endswith(f" says nothing of 0.1.0: {rename}\n")


# The shell's


def test_a_script_without_an_ending_says_that_it_is_the_shells(bake: Bake) -> None:
    """Editors and shellcheck have nothing else to go by."""
    scripts = [path for path in (bake() / "scripts").iterdir() if not path.suffix]
    assert {path.name for path in scripts} == {"find", "tool"}
    assert {path.read_text().splitlines()[0] for path in scripts} == {"#!/bin/sh"}
