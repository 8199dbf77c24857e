"""The starter service, which includes the others, works."""

from __future__ import annotations

import json
import re
import tarfile
import time
import zipfile

import pytest
import yaml

from support.machine import Machine
from support.project import Bake, Project
from support.service import PENGUIN, answers, ask, running

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def service(shared_machine: Machine) -> Project:
    """A service with uv and a trained model; tests must not edit its files."""
    shared_machine.cookiecutter(
        starter="service",
        sample=True,
        environment_manager="uv",
        project_slug="a-service",
    )
    project = shared_machine.project("a-service")
    project.make("train")
    return project


def test_a_service_passes_its_own_checks(service: Project, bake: Bake) -> None:
    service.make("check", "notebooks", "evaluate")
    pipeline = yaml.safe_load(bake(ci="gitlab").text(".gitlab-ci.yml"))
    coverage = pipeline["project"]["coverage"].strip("/")
    (percent,) = re.findall(coverage, service.make("test").stdout, re.MULTILINE)
    assert 90 <= float(percent) <= 100
    evaluation = json.loads(service.text("models/model.evaluation.json"))
    assert evaluation["rows"] == 86
    assert evaluation["scores"]["accuracy"] > 0.95 > evaluation["baseline"]["accuracy"]
    image = (service / "reports/figures/confusion-matrix.png").read_bytes()
    assert image.startswith(b"\x89PNG")
    assert service.git("status", "--porcelain") == ""


def test_the_wheel_holds_the_package_and_the_sdist_its_sources(
    service: Project,
) -> None:
    service.make("build")
    (wheel,) = (service / "dist").glob("*.whl")
    (sdist,) = (service / "dist").glob("*.tar.gz")
    tracked = service.git("ls-files").splitlines()
    package = {name for name in tracked if name.startswith("src/")}
    with zipfile.ZipFile(wheel) as archive:
        in_wheel = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert in_wheel == {name.removeprefix("src/") for name in package}
    with tarfile.open(sdist) as archive_of_sources:
        names = archive_of_sources.getnames()
    in_sdist = {name.partition("/")[2] for name in names}
    tests = {name for name in tracked if name.startswith("tests/")}
    data = {"data/raw/README.md"}
    more = {".gitignore", "LICENSE", "PKG-INFO", "README.md", "pyproject.toml"}
    assert in_sdist == package | tests | data | more


# The model


def test_the_same_seed_makes_the_same_model_bit_for_bit(service: Project) -> None:
    files = [f"models/model.{end}" for end in ("onnx", "record.json")]
    before = [(service / name).read_bytes() for name in files]
    # With the hash seed 30, skl2onnx lists the opsets in a rare order.
    other = ("PYTHONHASHSEED=30", "OMP_NUM_THREADS=2")
    service.run("env", *other, service.bin / "a-service", "train")
    assert [(service / name).read_bytes() for name in files] == before


# The service


def test_the_service_answers_and_ends_on_a_signal(service: Project) -> None:
    serve = ("make", "--silent", "serve", "ARGS=--port {port}")
    with running(service, *serve, ready="/health") as port:
        status, health = ask(port, "GET", "/health")
        assert (status, health["status"]) == (200, "ok")
        status, one = ask(port, "POST", "/predict", json.dumps(PENGUIN))
        assert (status, one["species"]) == (200, "Chinstrap")
        status, many = ask(port, "POST", "/predict", json.dumps([PENGUIN] * 3))
        assert (status, [each["species"] for each in many]) == (200, ["Chinstrap"] * 3)
        for body in ("{", "[]", '{"sex": "male"}', json.dumps([PENGUIN] * 1001)):
            status, refusal = ask(port, "POST", "/predict", body)
            assert status == 422
            assert refusal["detail"]
        assert ask(port, "GET", "/nowhere")[0] == 404
        stopped = time.monotonic()
    assert time.monotonic() - stopped < 5
    assert not answers(port, "/health")
