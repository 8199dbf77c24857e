"""Graduating keeps the user's files and adds sample data only on request.

Most tests need no environment: make is then a program that does nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from support.own_data_page import follow_page
from support.project import Project
from support.template_repository import TREE, Template, link, update

pytestmark = pytest.mark.slow
SOURCE = "src/my_analysis"
Make = Callable[..., Project]


def test_own_files_stay_and_the_starter_waits_for_them(
    make_committed: Callable[[str], Project],
) -> None:
    project = make_committed("notebook")
    project.append("notebooks/01-start.ipynb", "\n")
    mine = {name: f"NAME = '{name}'\n" for name in ("data.py", "train.py")}
    for name, text in mine.items():
        project.write(f"{SOURCE}/{name}", text)
    project.commit()
    modules = {*(project / SOURCE).glob("*.py")}
    notebook = (project / "notebooks/01-start.ipynb").read_bytes()

    _, output = update(project, SET="starter=service")
    assert {*(project / SOURCE).glob("*.py")} == modules
    for name, text in mine.items():
        assert project.text(f"{SOURCE}/{name}") == text
        assert f"\n  {SOURCE}/{name}\n" in output
        assert "def " in project.text(f"{SOURCE}/{name}.template")
    assert (project / "notebooks/01-start.ipynb").read_bytes() == notebook
    assert not list(project.path.rglob("*penguin*"))
    assert f"\n  {SOURCE}/api.py\n" in output
    project.commit()
    assert "up to date" in update(project)[1]

    (command,) = re.findall(r"^To use them: (.*)$", output, re.MULTILINE)
    project.run("sh", "-c", command)
    assert "def create_app" in project.text(f"{SOURCE}/api.py")
    assert project.text(f"{SOURCE}/train.py") == mine["train.py"]
    assert project.text(f"{SOURCE}/train.py.template")


def test_the_sample_comes_to_a_notebook_on_demand(
    make_committed: Callable[[str], Project],
) -> None:
    project = make_committed("notebook")
    update(project, SET="starter=model", SAMPLE="yes")
    assert (project / "data/raw/penguins.csv").is_file()
    assert "species" in project.text(f"{SOURCE}/features.py")


def test_a_replaced_sample_stays_replaced_in_later_updates(
    make_committed: Callable[[str], Project], template_repository: Template
) -> None:
    project = make_committed("analysis")
    project.write(f"{SOURCE}/data.py", "MINE = 1\n")
    gone = ["data/raw/penguins.csv", "notebooks/01-explore.ipynb"]
    for name in (*gone, f"{SOURCE}/plots.py", "tests/test_plots.py"):
        (project / name).unlink()
    project.commit()
    update(project, SET="starter=model")
    assert f"{SOURCE}/data.py" in link(project)["skip"]
    assert "FIGURES: dict[str, Callable[[pd.DataFrame], Figure]] = {}" in project.text(
        f"{SOURCE}/plots.py"
    )
    assert "NUMERIC: list[str] = []" in project.text(f"{SOURCE}/features.py")
    assert not list((project / "notebooks").glob("*"))
    project.commit()

    for path in (template_repository.path / TREE).rglob("*data.py*"):
        path.write_text(path.read_text("utf-8") + "\nTHEIRS = 1\n", "utf-8")
    template_repository.commit("B")
    update(project)
    assert project.text(f"{SOURCE}/data.py") == "MINE = 1\n"
    assert not any((project / name).exists() for name in gone)


# With an environment


@pytest.mark.ci
def test_a_notebook_becomes_a_service_that_waits_for_its_table(
    make_project: Make,
) -> None:
    project = make_project(starter="notebook", environment_manager="uv")
    project.make("graduate", "TO=service")
    project.commit()
    project.make("check", "notebooks")
    assert "COLUMNS in data.py is empty" in project.make("test").stdout
    train = project.make("train", check=False)
    assert "error: COLUMNS in data.py is empty" in train.stdout
    assert project.git("status", "--porcelain") == ""


@pytest.mark.ci
def test_an_analysis_of_own_data_becomes_a_model_of_them(make_project: Make) -> None:
    project = make_project(
        environment_manager="uv",
        starter="analysis",
        sample=True,
        package_name="own_data",
    )
    follow_page(project, "")
    project.commit()
    before = project.git("rev-parse", "HEAD:notebooks", "HEAD:src/own_data/data.py")
    project.make("graduate", "TO=model")
    project.commit()
    after = project.git("rev-parse", "HEAD:notebooks", "HEAD:src/own_data/data.py")
    assert after == before
    assert "in features.py are empty" in project.make("check", "test").stdout
    follow_page(project, "regression")
    project.make("check", "test", "train")
    record = json.loads(project.text("models/model.record.json"))
    assert record["features"]["target"] == "arr_delay"
