"""Following docs/own-data.md replaces the sample in few files."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from support.machine import Machine
from support.own_data_page import follow_page
from support.project import Project

pytestmark = [pytest.mark.slow, pytest.mark.ci]

REQUEST = """
import json, sys
from fastapi.testclient import TestClient
from own_data.api import create_app
with TestClient(create_app()) as client:
    answer = client.post("/predict", json=json.loads(sys.argv[1]))
print(answer.status_code, answer.text)
"""
FLIGHT = {
    "date": "2013-07-01",
    "hour": 18,
    "origin": "EWR",
    "dest": "XYZ",  # no flight in the table goes there
    "carrier": None,
    "distance": 1400,
}


@pytest.fixture(scope="module")
def made(shared_machine: Machine) -> Callable[[str], Project]:
    """Make a project of a starter, or reset it to its first commit."""

    def of(starter: str) -> Project:
        slug = f"{starter}-of-flights"
        project = shared_machine.project(slug)
        if not project.path.exists():
            shared_machine.cookiecutter(
                starter=starter,
                sample=True,
                environment_manager="uv",
                project_slug=slug,
                package_name="own_data",
            )
        project.git("reset", "--quiet", "--hard")
        return project

    return of


def test_an_analysis_of_other_data_takes_six_files(
    made: Callable[[str], Project],
) -> None:
    project = made("analysis")
    assert len(follow_page(project, "")) <= 6
    project.make("check", "test", "notebooks")
    command = project.bin / "analysis-of-flights"
    cleaned = project.run(command, "prepare").stdout
    assert cleaned.startswith("wrote 1201 of 1248 rows")
    project.run(command, "figures")
    assert (project / "reports/figures/delays.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("task", "target", "more"),
    [
        ("regression", "arr_delay", {"dep_delay": 60}),
        pytest.param("classification", "cancelled", {}, marks=pytest.mark.weekly),
    ],
)
def test_a_service_of_other_data_takes_seven_files(
    made: Callable[[str], Project], task: str, target: str, more: dict[str, int]
) -> None:
    project = made("service")
    assert len(follow_page(project, task)) <= 7
    project.make("check", "test", "notebooks", "train", "evaluate")
    found = json.loads(project.text("models/model.evaluation.json"))
    metric = {"regression": "r2", "classification": "roc_auc"}[task]
    assert found["scores"][metric] > found["baseline"][metric] + 0.05

    command = project.bin / "service-of-flights"
    project.run(command, "predict", "data/raw/flights.csv", "-o", "new.csv")
    header, *rows = project.text("new.csv").splitlines()
    (project / "new.csv").unlink()
    assert f"predicted_{target}" in header
    assert len(rows) == 1248
    body = json.dumps(FLIGHT | more)
    answer = project.run(project.bin / "python", "-c", REQUEST, body).stdout
    status, _, text = answer.strip().splitlines()[-1].partition(" ")
    assert status == "200"
    value = json.loads(text)[target]
    assert value in ("yes", "no") if task == "classification" else 20 < value < 100
