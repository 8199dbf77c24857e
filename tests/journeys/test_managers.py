"""A manager that `make bootstrap` installs, and Pythons from pyenv."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from support.environments import versions_in
from support.machine import Machine
from support.project import OWN_PYTHON, Bake, Project

PYTHONS = ("python", "python3", *(f"python3.{minor}" for minor in range(8, 20)))
slow = pytest.mark.slow

Copy = Callable[[Project], Project]


@slow
def test_bootstrap_gets_a_manager_for_the_project_alone(
    bake: Bake, copy: Copy, machine: Machine
) -> None:
    machine.hide("uv", "uvx", "pipx")
    project = Project(copy(bake(environment_manager="uv")).path, machine.env)
    project.make("bootstrap", "environment")
    assert (project / ".bootstrap/bin/uv").exists()
    project.git("init", "--quiet")
    assert ".bootstrap" not in project.git("status", "--porcelain")


# pyenv


@pytest.fixture
def pyenv(machine: Machine) -> dict[str, Path]:
    """pyenv's Pythons that a project can use: version to directory."""
    if shutil.which("pyenv", path=machine.env["PATH"]) is None:
        pytest.skip("pyenv is missing")
    found = sorted(Path(machine.env["PYENV_ROOT"]).glob("versions/3.1[1-4].*"))
    if not found:
        pytest.skip("pyenv has no Python from 3.11 to 3.14")
    return {path.name.rpartition(".")[0]: path for path in found}


@slow
def test_a_python_that_only_pyenv_has_makes_the_environment(
    bake: Bake, copy: Copy, machine: Machine, pyenv: dict[str, Path]
) -> None:
    others = {*pyenv} - {OWN_PYTHON}
    if not others:
        pytest.skip("pyenv has only the Python that runs the tests")
    version = max(others)
    machine.hide(*PYTHONS)
    machine.env["UV_PYTHON_DOWNLOADS"] = "never"
    rendered = bake(environment_manager="uv", python_version=version)
    project = Project(copy(rendered).path, machine.env)
    project.make("environment")
    prefix = project.run(
        project.bin / "python", "-c", "import sys; print(sys.base_prefix)"
    )
    assert Path(prefix.stdout.strip()).samefile(pyenv[version])


@pytest.fixture
def virtualenv(machine: Machine, pyenv: dict[str, Path]) -> Path:
    """A pyenv-virtualenv environment, in the machine's own pyenv."""
    plugins = Path(machine.env["PYENV_ROOT"], "plugins")
    if not (plugins / "pyenv-virtualenv").is_dir():
        pytest.skip("pyenv-virtualenv is missing")
    original = pyenv[max(pyenv)]
    root = machine.home.parent / "pyenv"
    (root / "versions" / original.name).mkdir(parents=True)
    (root / "plugins").symlink_to(plugins)
    for path in original.iterdir():
        if path.name != "envs":
            (root / "versions" / original.name / path.name).symlink_to(path)
    machine.env["PYENV_ROOT"] = str(root)
    machine.run("pyenv", "virtualenv", original.name, "my-analysis")
    return Path(machine.run("pyenv", "prefix", "my-analysis").stdout.strip())


@slow
def test_a_pyenv_virtualenv_serves_as_the_projects_own_and_is_never_deleted(
    bake: Bake, copy: Copy, machine: Machine, virtualenv: Path
) -> None:
    text = (virtualenv / "pyvenv.cfg").read_text(encoding="utf-8")
    (version,) = re.findall(r"^version = (\d+\.\d+)", text, re.MULTILINE)
    rendered = bake(environment_manager="uv", python_version=version)
    project = Project(copy(rendered).path, machine.env)
    project.make("install", f"VENV={virtualenv}")
    assert (project / ".venv").samefile(virtualenv)
    assert "black" in versions_in(virtualenv)
    (kernel,) = machine.kernels.values()
    assert Path(kernel["argv"][0]).is_relative_to(virtualenv)
    project.make("test", "ARGS=--no-cov")

    kept = virtualenv.resolve()
    for python in kept.glob("bin/python*"):
        python.unlink()
    before = {*kept.rglob("*")}
    done = project.make("environment", f"VENV={virtualenv}", check=False)
    assert "is not an environment for this directory" in done.stdout
    assert {*kept.rglob("*")} == before
    project.make("environment")
    assert {*kept.rglob("*")} == before
