"""The add-on mlflow, with a real server, and without one."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.machine import Machine
from support.project import Bake, Project
from support.service import PENGUIN, ask, free_port, running

slow = pytest.mark.slow
ADDRESS = "models:/my-analysis/1"
LOCAL = "MLFLOW_TRACKING_URI=sqlite:///mlflow.db"
API = "/api/2.0/mlflow"


def test_a_project_without_it_has_nothing_of_it(bake: Bake) -> None:
    project = bake(starter="service", addons="dask, docs, remote-data")
    for name in project.files:
        assert b"mlflow" not in (project / name).read_bytes(), name


@pytest.fixture(scope="module")
def project(shared_machine: Machine) -> Project:
    shared_machine.cookiecutter(
        starter="service", sample=True, environment_manager="uv", addons="mlflow"
    )
    return shared_machine.project()


@pytest.fixture(scope="module")
def server(project: Project) -> Iterator[int]:
    """The port of a server that has the results of training and evaluation."""
    words = ("make", "experiments", "ARGS=--port={port}")
    experiments = f"{API}/experiments/get?experiment_id=0"
    with running(project, *words, ready=experiments) as port:
        uri = f"MLFLOW_TRACKING_URI=http://127.0.0.1:{port}\n"
        project.write(".env", uri)
        assert f"registered as {ADDRESS}" in project.make("train").stdout
        assert "tracked as" in project.make("evaluate").stdout
        yield port
    (project / ".env").unlink()


def get(server: int, path: str, **body: Any) -> Any:
    method, text = ("POST", json.dumps(body)) if body else ("GET", "")
    status, answer = ask(server, method, f"{API}/{path}", text)
    assert status == 200, answer
    return answer


@slow
@pytest.mark.ci
def test_the_server_has_the_model_its_scores_and_its_figures(
    project: Project, server: int
) -> None:
    name = "experiments/get-by-name?experiment_name=my-analysis"
    experiment = get(server, name)["experiment"]["experiment_id"]
    (run,) = get(server, "runs/search", experiment_ids=[experiment])["runs"]
    data = {
        kind: {each["key"]: each["value"] for each in run["data"][kind]}
        for kind in ("params", "metrics", "tags")
    }
    record = json.loads(project.text("models/model.record.json"))
    evaluation = json.loads(project.text("models/model.evaluation.json"))
    assert data["params"]["data_sha256"] == record["data_sha256"]
    assert data["params"]["max_iter"] == "1000"
    assert data["metrics"]["cv_mean"] == record["scores"]["mean"]
    assert data["metrics"].items() >= evaluation["scores"].items()
    assert data["tags"]["mlflow.source.git.commit"] == project.git("rev-parse", "HEAD")
    listed = f"artifacts/list?run_id={run['info']['run_id']}&path=figures"
    figures = {each["path"] for each in get(server, listed)["files"]}
    assert "figures/confusion-matrix.png" in figures

    code = f"""if True:
        import mlflow, pandas
        rows = pandas.read_csv("data/raw/penguins.csv").dropna()
        model = mlflow.pyfunc.load_model("{ADDRESS}")
        print(model.metadata.signature, model.predict(rows)["probabilities"].shape)
    """
    variable = project.text(".env").strip()
    said = project.run("env", variable, project.bin / "python", "-c", code).stdout
    assert "'bill_length_mm': Tensor('float64', (-1, 1))" in said
    assert said.strip().endswith("(333, 3)")


@slow
@pytest.mark.ci
def test_a_registered_model_predicts_and_serves(project: Project, server: int) -> None:
    command = project.bin / "my-analysis"
    predict = (command, "predict", "data/raw/penguins.csv", "-o")
    project.run(*predict, "file.csv")
    project.run(*predict, "address.csv", "--model", ADDRESS)
    assert project.text("address.csv") == project.text("file.csv")

    variable = f"MY_ANALYSIS_MODEL_FILE={ADDRESS}"
    words = ("env", variable, command, "serve", "--port", "{port}")
    with running(project, *words, ready="/health") as port:
        record = json.loads(project.text("models/model.record.json"))
        assert ask(port, "GET", "/health")[1]["model"] == record["sha256"]
        assert ask(port, "POST", "/predict", json.dumps(PENGUIN))[0] == 200

    unknown = project.run(*predict, "-", "--model", "models:/other/7", check=False)
    (line,) = unknown.stdout.splitlines()
    assert line.startswith("error: models:/other/7 cannot be downloaded")
    for path in (project / "mlartifacts").rglob("extra_files/model.onnx"):
        path.write_bytes(path.read_bytes() + b"0")
    damaged = project.run(*predict, "-", "--model", ADDRESS, check=False).stdout
    assert "is not the model that its record describes" in damaged


@slow
@pytest.mark.ci
@pytest.mark.parametrize("server_is", ["down", "silent"])
def test_a_server_that_does_not_answer_costs_one_warning(
    project: Project, server_is: str
) -> None:
    record = project / "models/model.record.json"
    record.unlink(missing_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1] if server_is == "silent" else free_port()
        uri = f"MLFLOW_TRACKING_URI=http://127.0.0.1:{port}"
        command = (project.bin / "my-analysis", "train")
        said = project.run("env", uri, "MLFLOW_HTTP_REQUEST_TIMEOUT=1", *command).stdout
    (warning,) = (line for line in said.splitlines() if "warning" in line)
    assert f"python -m my_analysis.tracking train {project / 'models'}" in warning
    assert record.exists()


@slow
@pytest.mark.ci
def test_a_copy_of_the_project_writes_into_its_own_store(
    project: Project, tmp_path: Path
) -> None:
    command = (project.bin / "my-analysis", "train")
    project.run("env", LOCAL, *command)
    before = project.files
    copy = tmp_path / "copy"
    shutil.copytree(project.path, copy, ignore=shutil.ignore_patterns(".git", ".venv"))
    said = project.run("env", LOCAL, f"MY_ANALYSIS_ROOT={copy}", *command).stdout
    assert "registered as" in said
    assert project.files == before
    assert {*Project(copy, project.env).files} > {*before}
