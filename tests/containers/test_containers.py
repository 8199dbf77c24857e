"""A real engine builds images and runs containers.

Without an engine these tests are skipped, or fail if REQUIRE_ENGINE=1 is set.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from support.engine import docker, inspect, missing
from support.locks import MANAGERS, locked
from support.processes import wait_until
from support.project import Project
from support.service import PENGUIN, answers, ask, free_port, running

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("engine"),
]

KILLED = "137"  # the exit status after SIGKILL
OWNER = 4321  # a user ID that does not exist
FIND_TIMED = """
import pathlib
for path in pathlib.Path("/").glob("opt/venv/**/*.pyc"):
    if path.read_bytes()[4] == 0:
        print(path)
"""
LIST_PACKAGES = """
import importlib.metadata, json
found = importlib.metadata.distributions()
print(json.dumps([[each.name, each.version] for each in found]))
"""


@pytest.fixture
def small(small_project: Callable[[str], Project]) -> Project:
    """A small project with a prod image, for what is the same with every manager."""
    return small_project("uv")


# Images


def assert_only_locked(project: Project, image: str, *others: str) -> None:
    """Assert that an image has only locked versions, and none of these packages."""
    entry = ("--rm", "--entrypoint=python", image, "-c")
    assert docker("run", *entry, FIND_TIMED) == ""  # bytecode is checked by hash
    found = dict(json.loads(docker("run", *entry, LIST_PACKAGES)))
    pins = locked(project)
    for name in {*found} - {project.path.name}:
        assert found[name] in pins[canonicalize_name(name)], name
    assert project.path.name in found
    assert not {*found} & {"pip", "pytest", "mypy", "ipykernel", *others}


def test_the_production_image_has_the_locked_versions_and_nothing_else(
    service: Project,
) -> None:
    image = f"{service.path.name}:prod"
    assert_only_locked(service, image, "fastapi")
    look = "id -u; ls /opt /app; command -v pip; python -m pip 2>&1; find /tmp /home; :"
    said = docker("run", "--rm", "--entrypoint=sh", image, "-c", look)
    expected = ["1000", "/app:", "src", "", "/opt:", "venv"]
    no_pip = "/opt/venv/bin/python: No module named pip"
    assert said.splitlines() == [*expected, no_pip, "/tmp", "/home"]
    labels = json.loads(inspect(image, "{{json .Config.Labels}}"))
    revision = labels["org.opencontainers.image.revision"]
    assert revision == service.git("rev-parse", "HEAD")


@pytest.mark.parametrize("app", ["api", "worker"])
def test_the_image_of_an_application_shares_the_layers_of_the_library(
    service: Project, app: str
) -> None:
    image = f"{service.path.name}-{app}:prod"
    assert_only_locked(service, image, "pandas", "scikit-learn", "matplotlib")
    assert library_of(image) == library_of(f"{service.path.name}:prod")


@pytest.mark.parametrize("manager", MANAGERS)
def test_every_manager_builds_an_image_of_its_lock_file(
    manager: str, small_project: Callable[[str], Project]
) -> None:
    project = small_project(manager)
    assert_only_locked(project, f"{project.path.name}:prod")


def layers(image: str) -> list[str]:
    """Return the digests of an image's layers, the lowest first."""
    found: list[str] = json.loads(inspect(image, "{{json .RootFS.Layers}}"))
    return found


def library_of(image: str) -> list[str]:
    """Return the layers that all images of a project share."""
    return layers(image)[:-4]  # without pip's removal, extra, source, directory


def test_a_commit_gives_the_same_layers(small: Project, tmp_path: Path) -> None:
    image = f"{small.path.name}:prod"
    before = layers(image)
    ignored = shutil.ignore_patterns(".venv")
    other = tmp_path / small.path.name
    shutil.copytree(small.path, other, ignore=ignored, copy_function=shutil.copy)
    Project(other, small.env).make("image", "ARGS=--no-cache")
    differ = [one != two for one, two in zip(before, layers(image), strict=True)]
    assert sum(differ) == 1  # the removal of pip, which contains only timestamps


def test_an_edit_of_the_source_changes_one_layer(small: Project) -> None:
    image = f"{small.path.name}:prod"
    before = layers(image)
    (module,) = small.path.glob("src/*/data.py")
    text = module.read_text()
    module.write_text(f"{text}# {uuid.uuid4()}\n")
    small.make("image")
    module.write_text(text)
    after = layers(image)
    assert sum(one != two for one, two in zip(before, after, strict=True)) == 1


def test_no_secret_and_no_data_is_sent_to_a_build(
    small: Project, tmp_path: Path
) -> None:
    context = tmp_path / "context"
    ignored = shutil.ignore_patterns(".venv")
    shutil.copytree(small.path, context, ignore=ignored)
    secrets = (".env", "src/.env", "data/raw/secret.csv")
    for name in secrets:
        (context / name).write_text("secret\n")
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    options = ("--quiet", "--file", tmp_path / "Dockerfile")
    docker("build", *options, "--output", tmp_path / "sent", context)
    sent = Project(tmp_path / "sent", {}).files
    assert "pyproject.toml" in sent
    assert not {*secrets} & {*sent}
    assert not [name for name in sent if name.startswith((".git/", "data/"))]


def test_an_image_is_saved_and_loaded(small: Project) -> None:
    small.make("image-save")
    image = f"{small.path.name}:prod"
    before = inspect(image, "{{.Id}}")
    docker("rmi", "--force", image)
    saved = small / f"dist/{small.path.name}-prod.tgz"
    assert image in docker("load", "--input", saved)
    assert inspect(image, "{{.Id}}") == before


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """The address of an empty registry on loopback."""
    program = shutil.which("docker-registry")
    if program is None:
        missing("docker-registry is missing: apt-get install docker-registry")
    config = tmp_path / "config.yml"
    storage = f"storage: {{filesystem: {{rootdirectory: '{tmp_path}/images'}}}}"
    config.write_text(f"version: 0.1\n{storage}\n")
    address = "REGISTRY_HTTP_ADDR=127.0.0.1:{port}"
    command = ("env", address, program, "serve", config)
    with running(Project(tmp_path, os.environ), *command, ready="/v2/") as port:
        yield f"127.0.0.1:{port}"


def test_the_tag_of_a_pushed_image_names_its_target(
    small: Project, registry: str
) -> None:
    name = small.path.name
    for target, tag in (("prod", "1.0"), ("dev", "1.0-dev")):
        words = (f"REGISTRY={registry}/team", "TAG=1.0", f"TARGET={target}")
        small.make("image-push", *words)
        pushed = f"{registry}/team/{name}:{tag}"
        before = inspect(pushed, "{{.Id}}")
        docker("rmi", pushed)
        docker("pull", pushed)
        try:
            assert inspect(pushed, "{{.Id}}") == before
        finally:
            docker("rmi", pushed)


# Containers


def test_up_serves_predictions_and_down_removes_the_container(service: Project) -> None:
    port = free_port()
    project = Project(service.path, {**service.env, "PORT": str(port)})
    project.make("up")
    try:
        status, answer = ask(port, "POST", "/predict", json.dumps(PENGUIN))
        assert (status, answer["species"]) == (200, "Chinstrap")
        name = project.run("docker", "compose", "ps", "--quiet").stdout.strip()

        def has_health(state: str) -> bool:
            return inspect(name, "{{.State.Health.Status}}") == state

        def signal_service(signal: str) -> None:
            kill = f"kill -{signal} $(cat /proc/1/task/1/children)"  # 1 is docker-init
            docker("exec", name, "sh", "-c", kill)

        assert has_health("healthy")
        signal_service("STOP")
        wait_until(lambda: has_health("unhealthy"), 60, "it is unhealthy", 0.5)
        signal_service("CONT")
        wait_until(lambda: has_health("healthy"), 60, "it is healthy again", 0.5)
        docker("stop", "--time=60", name)
        assert inspect(name, "{{.State.ExitCode}}") != KILLED
        logs = project.make("logs").stdout
        assert '"path":"/predict"' in logs
        assert "Application shutdown complete" in logs
    finally:
        project.make("down")
    label = f"label=com.docker.compose.project={project.path.name}"
    assert docker("ps", "--all", "--quiet", "--filter", label) == ""


def test_the_worker_predicts_what_arrives_and_stops_in_order(service: Project) -> None:
    project = service
    table = project.text("data/raw/penguins.csv")
    project.make("up", "APP=worker")
    try:
        for name, text in (("new", table), ("bad", "a\n1\n")):
            arriving = project / f"data/inbox/{name}.part"
            arriving.write_text(text)
            arriving.rename(arriving.with_suffix(".csv"))
        done = (project / "data/outbox/new.csv", project / "data/inbox/failed/bad.csv")
        wait_until(lambda: all(path.exists() for path in done), 60, "it is done", 0.5)
        assert "predicted_species" in project.text("data/outbox/new.csv")
        assert "has no column" in project.text("data/inbox/failed/bad.csv.txt")
        words = ("docker", "compose", "ps", "--quiet", "worker")
        worker = project.run(*words).stdout.strip()
        assert inspect(worker, "{{.State.Health.Status}}") == "healthy"
        docker("stop", "--time=60", worker)
        assert inspect(worker, "{{.State.ExitCode}}") == "0"
    finally:
        project.make("down")


def test_the_service_without_init_ends_at_sigterm(service: Project) -> None:
    rights = ("--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", f"--user={OWNER}")
    models = f"--volume={service / 'models'}:/app/models:ro"
    image = f"{service.path.name}-api:prod"
    name = docker("run", "--detach", *rights, models, image, "serve")
    try:
        ready = "Application startup complete"
        wait_until(
            lambda: ready in docker("logs", name), 60, "the service is ready", 0.2
        )
        docker("kill", "--signal=SIGTERM", name)
        assert docker("wait", name) != KILLED
        assert "Application shutdown complete" in docker("logs", name)
    finally:
        docker("rm", "--force", name)


def test_the_pipeline_writes_models_and_figures_for_its_user(service: Project) -> None:
    for name in ("models/model.onnx", "reports/figures/confusion-matrix.png"):
        assert (service / name).stat().st_uid == os.getuid()


def test_a_shell_runs_the_tests_on_the_mounted_source(
    service: Project, tmp_path: Path
) -> None:
    copied = tmp_path / service.path.name
    shutil.copytree(service.path, copied, ignore=shutil.ignore_patterns(".venv"))
    project = Project(copied, service.env)
    package = project.path.name.replace("-", "_")
    module = project / f"src/{package}/__init__.py"
    module.write_text(module.read_text() + "\nEDITED = True\n")
    test = f"import {package}\n\n\ndef test_edited():\n    assert {package}.EDITED\n"
    project.write("tests/test_mounted.py", test)
    project.run("chown", "--recursive", f"{OWNER}:{OWNER}", ".")
    owner = (f"HOST_UID={OWNER}", f"HOST_GID={OWNER}")
    output = project.make("shell", "ARGS=make test", *owner).stdout
    assert re.search(r"tests/test_mounted.py \.", output), output
    assert {path.lstat().st_uid for path in copied.rglob("*")} == {OWNER}


def test_the_notebook_image_runs_the_notebook_in_the_kernel_of_the_project(
    service: Project,
) -> None:
    project = service
    name, port = f"cds-test-{uuid.uuid4().hex[:12]}", free_port()
    project.make("image", "TARGET=notebook")
    image = f"{project.path.name}:notebook"
    library = library_of(f"{project.path.name}:prod")
    assert layers(image)[: len(library)] == library
    publish = ("--publish", f"127.0.0.1:{port}:8888", "--env", "JUPYTER_TOKEN=of-tests")
    mounted = ("--volume", f"{project.path}:/app", image)
    docker("run", "--detach", "--name", name, f"--user={OWNER}", *publish, *mounted)
    try:
        wait_until(lambda: answers(port, "/api"), 120, "JupyterLab answers", 0.2)
        assert ask(port, "GET", "/api/contents")[0] == 403
        assert ask(port, "GET", "/api/contents?token=of-tests")[0] == 200
        convert = "/opt/jupyter/bin/jupyter nbconvert --to notebook --execute --stdout"
        notebook = "notebooks/01-explore.ipynb"
        output = docker("exec", name, *convert.split(), notebook)
    finally:
        docker("rm", "--force", name)
    executed = json.loads(output[output.index('{\n "cells"') :])
    assert executed["metadata"]["kernelspec"]["name"] == project.path.name
    assert any(cell.get("outputs") for cell in executed["cells"])
