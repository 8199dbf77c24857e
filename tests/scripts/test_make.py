"""The project's verbs: help, and what they say and leave where something is missing."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from support.machine import Machine
from support.project import Bake, Project, programs_of


@pytest.mark.parametrize("verb", ["test", "check", "kernel", "repository", "train"])
def test_a_verb_without_an_environment_says_so_in_one_line(
    largest: Project, machine: Machine, verb: str
) -> None:
    done = Project(largest.path, machine.env).make(verb, check=False)
    line, stopped = done.stdout.splitlines()
    assert line.startswith("There is no environment for this directory in .venv: run")
    assert stopped.startswith("make: ***")
    assert done.returncode == 2


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


def test_lab_without_jupyterlab_says_where_it_comes_from(
    bake: Bake, machine: Machine
) -> None:
    machine.hide("jupyter", "jupyter-lab", "uv", "uvx", "pipx")
    done = Project(bake().path, machine.env).make("lab", check=False)
    line, stopped = done.stdout.splitlines()
    assert line.startswith("jupyter-lab is missing: ")
    assert stopped.startswith("make: ***")


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
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).touch()
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
    environment = machine.work / "environment"  # make takes no path with blanks
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
