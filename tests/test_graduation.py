"""A project that grows keeps its owner's files and gets no sample data unasked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Project
from test_updates import (
    END,
    PACKAGE,
    SAMPLE,
    TREE,
    Template,
    append,
    commit,
    link,
    make_project,
    template_repository,
    update,
)

__all__ = ["make_project", "template_repository"]

pytestmark = pytest.mark.slow
SOURCE = "src/my_analysis"
Make = Callable[..., Project]


def start(make_project: Make, starter: str) -> Project:
    """Make a committed project without an environment."""
    project = make_project(set_up="no", starter=starter)
    project.git("init", "--quiet")
    commit(project, "Start")
    project.env = {**project.env, "MAKE": "true"}
    return project


def test_a_notebook_becomes_a_service_around_its_owners_files(
    make_project: Make,
) -> None:
    project = start(make_project, "notebook")
    notebook = project / "notebooks/01-start.ipynb"
    cells = json.loads(notebook.read_text("utf-8"))
    cells["cells"][-1]["source"] = ["mine = 1"]
    notebook.write_text(json.dumps(cells, indent=1) + "\n", "utf-8")
    mine = {name: f"NAME = '{name}'\n" for name in ("data.py", "train.py")}
    for name, text in mine.items():
        (project / SOURCE / name).write_text(text, "utf-8")
    commit(project)
    before = notebook.read_bytes()

    _, output = update(project, SET="starter=service")
    for name, text in mine.items():
        assert (project / SOURCE / name).read_bytes() == text.encode()
        assert (project / SOURCE / f"{name}.template").is_file()
        assert f"\n  {SOURCE}/{name} (" in output
    assert notebook.read_bytes() == before
    assert not list(project.path.rglob("*penguin*"))
    assert (project / SOURCE / "api.py").is_file()
    commit(project)
    assert "up to date" in update(project)[1]


def test_the_sample_comes_to_a_notebook_on_demand(make_project: Make) -> None:
    project = start(make_project, "notebook")
    update(project, SET="starter=model", SAMPLE="yes")
    assert (project / "data/raw/penguins.csv").is_file()
    assert "species" in project.text(f"{SOURCE}/features.py")


def test_a_replaced_sample_stays_replaced_in_later_updates(
    make_project: Make, template_repository: Template
) -> None:
    project = start(make_project, "analysis")
    (project / SOURCE / "data.py").write_text("MINE = 1\n", "utf-8")
    gone = ["data/raw/penguins.csv", f"{SOURCE}/plots.py", "tests/test_plots.py"]
    for name in gone:
        (project / name).unlink()
    commit(project)
    update(project, SET="starter=model")
    skipped = {*gone, f"{SOURCE}/data.py"}
    assert skipped <= {*link(project)["skip"]}
    commit(project)

    for name in ("data.py", "plots.py"):
        path = template_repository.path / TREE / PACKAGE
        append(path / f"{SAMPLE}{name}{END}", "\nTHEIRS = 1\n")
    template_repository.commit("B")
    update(project)
    assert project.text(f"{SOURCE}/data.py") == "MINE = 1\n"
    assert not any((project / name).exists() for name in gone)


def test_a_notebook_becomes_a_model_that_passes_its_tests(make_project: Make) -> None:
    project = make_project(starter="notebook", environment_manager="uv")
    project.make("graduate", "TO=model")
    project.make("check", "test")
    assert not Path(project / "data/raw/penguins.csv").exists()
