"""The largest starter, the service, keeps its promises and those of a model."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.machine import Machine
from support.processes import wait_until
from support.project import Project
from support.service import PENGUIN, ask, free_port

STARTUP_TIMEOUT = 60  # seconds until the service listens
SHUTDOWN_TIMEOUT = 3  # seconds

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def service(shared_machine: Machine) -> Project:
    """A service made with uv, with a trained model; tests must not edit its files."""
    shared_machine.cookiecutter(
        starter="service",
        sample=True,
        environment_manager="uv",
        project_slug="a-service",
    )
    project = shared_machine.project("a-service")
    project.make("train")
    return project


def command(project: Project) -> list[str | Path]:
    """Return the command line that runs the project's package."""
    return [project.bin / "python", "-m", "a_service"]


def test_a_service_passes_its_own_checks(service: Project) -> None:
    service.make("check", "test", "notebooks", "evaluate")
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


# What it does as a model


def test_the_same_seed_makes_the_same_model_bit_for_bit(service: Project) -> None:
    files = [f"models/model.{end}" for end in ("onnx", "record.json")]
    before = [(service / name).read_bytes() for name in files]
    other = ("PYTHONHASHSEED=1", "OMP_NUM_THREADS=2")  # another order, more threads
    service.run("env", *other, *command(service), "train")
    assert [(service / name).read_bytes() for name in files] == before


# The service


def listens(port: int) -> bool:
    """Tell whether the port accepts connections."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@contextlib.contextmanager
def serving(project: Project, log: Path) -> Iterator[tuple[int, int]]:
    """Start the service with make and yield its port and the process ID of make."""
    port = free_port()
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["make", "--silent", "serve", f"ARGS=--port {port}"],
            cwd=project.path,
            env=project.env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_until(lambda: listens(port), STARTUP_TIMEOUT, "the service listens")
        yield port, process.pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_the_service_answers_and_ends_on_a_signal(
    service: Project, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with serving(service, log) as (port, pid):
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

        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not listens(port), SHUTDOWN_TIMEOUT, "the service ends")
        wait_until(
            lambda: os.waitpid(pid, os.WNOHANG)[0] == pid, SHUTDOWN_TIMEOUT, "make ends"
        )
    lines = [
        json.loads(line) for line in log.read_text().splitlines() if line[0] == "{"
    ]
    statuses = [line["status"] for line in lines if line["message"] == "request"]
    assert statuses == [200, 200, 200, *[422] * 4, 404]
    assert "Finished server process" in lines[-1]["message"]
