"""The recipes of docs/deploying.md work, as far as this machine can run them.

The code blocks of the page are used unchanged, except for names.
"""

from __future__ import annotations

import configparser
import contextlib
import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.engine import docker, inspect
from support.lambda_runtime import request, runtime_api
from support.processes import wait_until
from support.project import ROOT, Project, run
from support.service import PENGUIN, answers, ask, free_port

PAGE = (ROOT / "docs/deploying.md").read_text("utf-8")
# Code blocks, by the file or command named at the end of the text before them.
BOXES = dict(re.findall(r"(?ms)`([^`\n]+)`:\n\n```\w+\n(.*?)^```$", PAGE))
UNITS = [name for name in BOXES if name.startswith("/etc/systemd/system/")]
MANIFESTS = [name for name in BOXES if name.startswith("deploy/")]
OUTPUT = "data/processed/new.csv"


def box(name: str, project: Project) -> str:
    """Return the text of a code block, with the names of a project."""
    slug, text = project.path.name, str(BOXES[name])
    text = re.sub(r"registry\.example\.org/team/(.*):1\.0", r"\1:prod", text)
    text = text.replace("/srv/my-analysis", str(project.path))
    text = text.replace("my_analysis", slug.replace("-", "_"))
    return text.replace("my-analysis", slug)


@pytest.fixture
def server(service: Project, tmp_path: Path) -> Iterator[Project]:
    """The directory on a server that the page describes, with rows to predict."""
    path = tmp_path / service.path.name
    shutil.copytree(service / "models", path / "models")
    for name in ("data/raw", "data/processed", "reports"):
        (path / name).mkdir(parents=True)
    (path / "data/processed").chmod(0o777)  # for the user of the image
    shutil.copy(service / "data/raw/penguins.csv", path / "data/raw/new.csv")
    shutil.copy(service / "compose.yaml", path)
    (path / ".env").write_text(f"HOST_UID={os.getuid()}\n", "utf-8")
    project = Project(path, service.env)
    yield project
    project.run("docker", "compose", "--profile=*", "down")


def assert_predicted(project: Project) -> None:
    header, *rows = project.text(OUTPUT).splitlines()
    assert "predicted_species" in header
    assert len(rows) == len(project.text("data/raw/new.csv").splitlines()) - 1


# A scheduled job on a server


@pytest.mark.slow
@pytest.mark.parametrize("schedule", ["crontab -e", UNITS[0]])
def test_a_job_on_a_server_predicts_with_the_image(
    server: Project, schedule: str
) -> None:
    server.write("predict.sh", box("predict.sh", server))
    text = box(schedule, server)
    if schedule == "crontab -e":
        server.run("sh", "-c", text.split(maxsplit=5)[5])
    else:
        unit = configparser.ConfigParser()
        unit.read_string(text)
        assert unit["Service"]["WorkingDirectory"] == str(server.path)
        server.run(*shlex.split(unit["Service"]["ExecStart"]))
    assert_predicted(server)


def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is missing")
    files = [tmp_path / Path(name).name for name in UNITS]
    for name, file in zip(UNITS, files, strict=True):
        # systemd checks that the program exists.
        unit = BOXES[name].replace("/opt/my-analysis/bin/my-analysis", sys.executable)
        file.write_text(unit, "utf-8")
    (tmp_path / "docker.service").write_text("[Service]\nExecStart=true\n", "utf-8")
    assert run("systemd-analyze", "verify", "--man=no", *files).stdout == ""


# Kubernetes


@pytest.mark.slow
def test_the_newest_kubernetes_accepts_the_manifests(tmp_path: Path) -> None:
    files = [tmp_path / Path(name).name for name in MANIFESTS]
    for name, file in zip(MANIFESTS, files, strict=True):
        file.write_text(BOXES[name], "utf-8")
    run("uvx", "--quiet", "kubernetes-validate>=1.37", "--strict", *files)


@contextlib.contextmanager
def container_of(pod: Any, project: Project, *words: str) -> Iterator[str]:
    """Start a pod's container, with the pod's rights, limits and mounts."""
    (container,) = pod["containers"]
    image, rights = container["image"], container["securityContext"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert int(inspect(image, "{{.Config.User}}").partition(":")[0]) > 0
    assert rights["readOnlyRootFilesystem"]
    assert not rights["allowPrivilegeEscalation"]
    limits = container["resources"]["limits"]
    options = ["--read-only", "--security-opt=no-new-privileges"]
    options += [f"--cap-drop={each}" for each in rights["capabilities"]["drop"]]
    options += [f"--cpus={limits['cpu']}", f"--memory={limits['memory'].rstrip('i')}"]
    for mount in container["volumeMounts"]:
        name, path = mount["name"], mount["mountPath"]
        mode = "ro" if mount.get("readOnly") else "rw"
        volume = f"--volume={project / name}:{path}:{mode}"
        options.append(f"--tmpfs={path}" if name == "tmp" else volume)
    started = docker(
        "run", "--detach", *options, *words, image, *container.get("args", [])
    )
    try:
        yield started
    finally:
        docker("rm", "--force", started)


@pytest.mark.slow
def test_a_job_of_kubernetes_predicts_with_the_rights_of_its_manifest(
    server: Project,
) -> None:
    manifest = yaml.safe_load(box("deploy/job.yaml", server))
    pod = manifest["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    with container_of(pod, server) as job:
        assert docker("wait", job) == "0", docker("logs", job)
    assert_predicted(server)


@pytest.mark.slow
def test_a_pod_of_kubernetes_answers_probes_and_requests_with_its_rights(
    server: Project,
) -> None:
    deployment, service = yaml.safe_load_all(box("deploy/service.yaml", server))
    template = deployment["spec"]["template"]
    assert service["spec"]["selector"] == template["metadata"]["labels"]
    (container,) = template["spec"]["containers"]
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    target = ports[service["spec"]["ports"][0]["targetPort"]]
    probe = container["readinessProbe"]["httpGet"]
    assert ports[probe["port"]] == target

    port = free_port()
    publish = f"--publish=127.0.0.1:{port}:{target}"
    with container_of(template["spec"], server, publish):
        wait_until(lambda: answers(port, probe["path"]), 60, "the pod is ready", 0.2)
        status, answer = ask(port, "POST", "/predict", json.dumps(PENGUIN))
    assert (status, answer["species"]) == (200, "Chinstrap")


# AWS Lambda


@pytest.mark.slow
def test_the_image_for_lambda_answers_events_of_api_gateway(server: Project) -> None:
    (server / "lambda").mkdir()
    for name in ("lambda/Dockerfile", "lambda/handler.py"):
        server.write(name, box(name, server))
    first = server.text("lambda/Dockerfile").splitlines()[0]
    server.run(*shlex.split(first.removeprefix("# ")))
    image = f"{server.path.name}:lambda"
    rights = ("--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--user=4321")
    with runtime_api() as (address, invoke):
        to_api = ("--network=host", f"--env=AWS_LAMBDA_RUNTIME_API={address}")
        function = docker("run", "--detach", *rights, *to_api, image)
        try:
            assert invoke(request("GET", "/health"))["statusCode"] == 200
            answer = invoke(request("POST", "/predict", json.dumps(PENGUIN)))
            assert answer["statusCode"] == 200
            assert json.loads(answer["body"])["species"] == "Chinstrap"
            assert '"path":"/predict"' in docker("logs", function)
        finally:
            docker("rm", "--force", function)
            docker("rmi", "--force", image)


# Databricks


@pytest.mark.slow
def test_the_script_for_databricks_predicts_without_an_exit(server: Project) -> None:
    server.write("job.py", box("job.py", server))
    run_it = "import runpy; runpy.run_path('/volume/job.py'); print('went on')"
    files = (f"output={OUTPUT}", "model=models/model.onnx")
    words = [f"--{each.replace('=', '=/volume/')}" for each in files]
    words.append("/volume/data/raw/new.csv")
    options = ("--rm", f"--volume={server.path}:/volume", "--entrypoint=python")
    image = f"{server.path.name}:prod"
    output = docker("run", *options, image, "-c", run_it, "predict", *words)
    assert output.endswith("went on")
    assert_predicted(server)
