"""An existing repository becomes a project and keeps its files."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from support.machine import Machine
from support.project import ROOT, Project

KEEP = ("--overwrite-if-exists", "--skip-if-file-exists")
PAGE = (ROOT / "docs/existing-repository.md").read_text(encoding="utf-8")
NOTEBOOK = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


@pytest.fixture
def repository(machine: Machine) -> Project:
    """The repository of the page, committed, and a file `.env` that is not."""
    project = machine.project("bird-counts")
    project.path.mkdir()
    (listed,) = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    for line in listed.splitlines():
        name, text = line.split(maxsplit=1)
        text = json.dumps(NOTEBOOK) if name.endswith("ipynb") else f"{text}\n"
        project.write(name, text)
    project.commit("Mine")
    project.write(".env", "SECRET=1\n")
    return project


def files(project: Project) -> dict[str, bytes]:
    return {name: (project / name).read_bytes() for name in project.files}


def render(
    machine: Machine, *words: str, check: bool = True, **answers: str
) -> tuple[int, str]:
    """Render over the repository and return the exit status and the output."""
    names = {"project_slug": "bird-counts", "package_name": "bird_counts"}
    given = {**names, "set_up": "no", **answers}
    done = machine.cookiecutter(*words, check=check, **given)
    return done.returncode, done.stdout


def test_files_stay_and_the_templates_are_beside_them(
    machine: Machine, repository: Project
) -> None:
    (repository / "plans").mkdir()
    before = files(repository)
    _, output = render(machine, *KEEP, docker="no")
    after = files(repository)
    empty = [path for path in repository.path.glob("*/") if not any(path.iterdir())]
    assert empty == [repository / "plans"]
    ignored = after.pop(".gitignore").decode()
    assert ignored.startswith(before.pop(".gitignore").decode())
    assert {name: after[name] for name in before} == before
    assert b"## Start" in after["README.md.template"]
    assert "\n  README.md.template\n" in output
    assert "make add FILE=requirements.txt" in output
    repository.git("add", "--all")
    staged = repository.git("diff", "--cached", "--name-only").splitlines()
    assert ".env" not in staged
    assert "src/bird_counts/config.py" in staged
    assert repository.git("rev-list", "--count", "HEAD") == "1"
    render(machine, *KEEP, docker="no")  # changes nothing
    assert files(repository) == {**after, ".gitignore": ignored.encode()}


@pytest.mark.parametrize(
    ("name", "manager"),
    [
        ("Makefile", "uv"),
        ("pyproject.toml", "poetry"),
        ("uv.lock", "uv"),
        ("requirements.txt", "pip-tools"),
    ],
)
def test_a_file_that_the_project_needs_stops_before_anything_is_written(
    machine: Machine, repository: Project, name: str, manager: str
) -> None:
    (repository / name).touch()
    before = files(repository)
    answers = {"environment_manager": manager}
    status, output = render(machine, *KEEP, check=False, **answers)
    assert status == 1
    assert f"needs a {name} of its own: rename yours" in output
    assert files(repository) == before


def test_files_that_are_not_committed_are_never_overwritten(
    machine: Machine, repository: Project
) -> None:
    before = files(repository)
    status, output = render(machine, "--overwrite-if-exists", check=False)
    assert status == 1
    assert "add -s (--skip-if-file-exists)" in output
    assert files(repository) == before
    (repository / ".env").unlink()
    render(machine, "--overwrite-if-exists")
    assert "## Start" in repository.text("README.md")


@pytest.mark.slow
def test_the_page_leads_to_an_installed_project(
    machine: Machine, repository: Project
) -> None:
    new, rest = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
    words = re.sub(r"INTO=\S+", f"INTO={repository.path}", new)
    env = f"VENV={ROOT / '.venv'}"
    machine.run("sh", "-c", f"{words.strip()} {env}", cwd=Path(ROOT))
    for line in rest.splitlines():
        repository.run("sh", "-c", line)
    assert "tabulate>=0.9" in repository.text("pyproject.toml")
    assert repository.git("rev-list", "--count", "HEAD") == "1"
