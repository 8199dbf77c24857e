"""A project's make commands: help, and what they report if something is missing."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from support.machine import Machine
from support.project import OWN_PYTHON, Bake, Project, programs_of

NO_ENVIRONMENT = "There is no environment for this directory in .venv: run"
NO_DOCKER = "docker is missing: see docs.docker.com/get-docker."
PROGRAMS = ("docker", "jupyter", "jupyter-lab", "uv", "uvx", "pipx", "poetry", "pipenv")
# Commands that fail: the words for make, the hidden programs, and the pattern at the
# start of the message.
PROBLEMS = [
    *((verb, (), NO_ENVIRONMENT) for verb in ("test", "check", "kernel", "train")),
    ("lab", PROGRAMS, "jupyter-lab is missing: "),
    *((verb, PROGRAMS, NO_DOCKER) for verb in ("image", "up", "down")),
    ("image DOCKER=true", (), ".*make lock"),
    ("image-push DOCKER=true", (), ".*image-push REGISTRY="),
    ("install-production", (), "No VENV: make install-production VENV="),
    ("install VENV=data", (), "data is not an environment for this directory"),
]


def fail(project: Project, machine: Machine, *words: str) -> str:
    """Run make, which must fail with one line, and return the line."""
    done = Project(project.path, machine.env).make(*words, check=False)
    line, stopped = done.stdout.splitlines()
    assert stopped.startswith("make: ***")
    assert done.returncode == 2
    return line


@pytest.mark.parametrize(("words", "hidden", "problem"), PROBLEMS)
def test_a_command_reports_what_is_missing_in_one_line(
    largest: Project,
    machine: Machine,
    words: str,
    hidden: tuple[str, ...],
    problem: str,
) -> None:
    before = largest.files
    machine.hide(*hidden)
    assert re.match(problem, fail(largest, machine, *words.split()))
    assert largest.files == before


@pytest.mark.parametrize("manager", ["uv", "poetry", "pipenv"])
def test_a_missing_manager_is_reported_in_one_line(
    bake: Bake, machine: Machine, manager: str
) -> None:
    machine.hide(*PROGRAMS)
    project = bake(environment_manager=manager, python_version=OWN_PYTHON)
    problem = f"{manager} is missing: 'make bootstrap' gets it"
    assert fail(project, machine, "install").lower().startswith(problem)


def test_an_engine_that_does_not_answer_is_reported_in_one_line(
    largest: Project, machine: Machine
) -> None:
    if shutil.which("docker") is None:
        pytest.skip("docker is missing")
    machine.env["DOCKER_HOST"] = f"unix://{machine.home}/no-engine.sock"
    line = fail(largest, machine, "image")
    assert line.startswith("docker can't connect to its engine: ")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_add_takes_each_line_of_a_file(  # uv#2276, go-dep-parser#265, uv#7237
    bake: Bake, machine: Machine, encoding: str
) -> None:
    lines = ["# mine", "-r others.txt", "polars>=1  # why", "x[y]; os_name == 'nt'"]
    listed = machine.work / "listed.txt"
    listed.write_bytes("\r\n".join(lines).encode(encoding))
    project = Project(bake(environment_manager="uv").path, machine.env)
    shown = project.make("add", "--dry-run", f"FILE={listed}").stdout
    command = "uv add 'polars>=1' 'x[y]; os_name == \"nt\"'"
    assert command in " ".join(shown.split())


def test_clean_removes_build_and_cache_files_and_nothing_else(
    machine: Machine,
) -> None:
    machine.cookiecutter(set_up="no")
    project = machine.project()
    made = [".coverage", "build/a", "dist/a", ".mypy_cache/a", ".pytest_cache/a"]
    made += [".ruff_cache/a", "src/my_analysis/__pycache__/a"]
    made += ["notebooks/.ipynb_checkpoints/a"]
    kept = [".venv/lib/__pycache__/a", "data/raw/mine.csv", "mine/build/a"]
    before = {*project.files}
    for name in (*made, *kept):
        project.write(name, "")
    project.make("clean")
    assert {*project.files} == before | {*kept[1:]}
    assert (project / kept[0]).exists()


def test_the_kernel_of_another_living_environment_is_never_overwritten(
    largest: Project, stack: Path, machine: Machine
) -> None:
    jupyter = (sys.executable, "-m", "jupyter_core", "--data-dir")
    spec = Path(machine.run(*jupyter).stdout.strip(), "kernels/my-analysis/kernel.json")
    spec.parent.mkdir(parents=True)
    theirs = {"argv": [sys.executable, "-m", "x"], "display_name": "x", "language": "x"}
    spec.write_text(json.dumps(theirs), encoding="utf-8")
    project = Project(largest.path, machine.env)
    environment = machine.work / "environment"  # make allows no blanks in paths
    environment.symlink_to(stack)
    python = str(programs_of(environment) / "python")

    words = ("kernel", f"VENV={environment}")
    assert "make kernel KERNEL=" in project.make(*words).stdout
    assert machine.kernels["my-analysis"] == theirs
    project.make(*words, "KERNEL=second")
    assert machine.kernels["second"]["argv"][0] == python

    gone = theirs | {"argv": ["/gone/bin/python"]}
    spec.write_text(json.dumps(gone), encoding="utf-8")
    project.make(*words)
    assert machine.kernels["my-analysis"]["argv"][0] == python
