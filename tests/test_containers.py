"""The containers, built and run by a real engine.

Where there is none these tests are skipped, unless REQUIRE_ENGINE=1 says that there is.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import websocket
from conftest import MachineWith, Project, run
from containers import container, docker, inspected, missing
from journey import MANAGERS, lock_once_a_week, locked, this_week, wait_until
from test_private_index import bound, reduce
from test_starters import PENGUIN

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.usefixtures("engine"),
]

OWNER = 4321  # a user that no machine has
REGISTRY_PORT = 28416  # where it is free
HISTORY = "{{.Size}}\t{{.CreatedBy}}"
# What is installed, and what the package needs of it, told by the image itself.
INSTALLED = """
import json, re
from importlib.metadata import distribution, distributions
from packaging.requirements import Requirement
def name(text):
    return re.sub(r"[-_.]+", "-", text).lower()
found = {name(each.name): each.version for each in distributions(path=["@"])}
wanted, left = set(), [("PROJECT", "")]
while left:
    each = left.pop()
    if each not in wanted:
        wanted.add(each)
        for text in distribution(each[0]).requires or []:
            need = Requirement(text)
            if need.marker is None or need.marker.evaluate({"extra": each[1]}):
                left += [(name(need.name), extra) for extra in ("", *need.extras)]
print(json.dumps([found, sorted({each for each, _ in wanted})]))
"""


class Made(NamedTuple):
    """A project with a lock file, and how its images are built here."""

    manager: str
    project: Project
    options: str
    kept: Path
    built: set[str]

    @property
    def name(self) -> str:
        """The project's slug."""
        return self.project.path.name

    @property
    def package(self) -> str:
        """The name to import it by."""
        return self.name.replace("-", "_")

    def build(self, target: str = "prod", options: str = "") -> str:
        """Let make build an image, and return what the build says."""
        words = (f"TARGET={target}", f"ARGS=--progress=plain {self.options} {options}")
        return self.project.make("image", *words).stdout

    def image(self, target: str = "prod") -> str:
        """Return the name of an image, which is built if no test has built it yet."""
        if target not in self.built:
            self.build(target)
            self.built.add(target)
        return f"{self.name}:{target}"

    def warm(self, target: str = "prod") -> list[str]:
        """Return the options that let a container find bytecode of earlier ones.

        To compile what the package imports takes longer than most of what is done.
        """
        place = self.kept / target
        place.mkdir(parents=True, exist_ok=True)
        place.chmod(0o777)
        where = "PYTHONPYCACHEPREFIX=/tmp/bytecode"
        written = "PYTHONDONTWRITEBYTECODE="  # what the base for Poetry forbids
        volume = f"--volume={place}:/tmp/bytecode"
        return [f"--env={where}", f"--env={written}", volume]

    def python(self, code: str, target: str = "prod") -> str:
        """Return what Python prints in a container of the image."""
        entry = ("--rm", "--entrypoint", "python", f"{self.name}:{target}")
        return docker("run", *entry, "-c", code)


@pytest.fixture(scope="session")
def makes(machine_with: MachineWith, poetry_base: str) -> Iterator[Callable[..., Made]]:
    """Make a project of a manager once, committed with its lock file."""
    done: dict[str, Made] = {}

    def made(manager: str, starter: str = "analysis", small: bool = False) -> Made:
        name = f"cds-test-{manager}-{'small' if small else starter}"
        if name not in done:
            machine = machine_with(manager)
            machine.cookiecutter(
                set_up="no",
                project_slug=name,
                environment_manager=manager,
                starter=starter,
            )
            project = machine.project(name)
            if small:
                reduce(project, ["tabulate"])
            kept = lock_once_a_week(project)
            project.git("init", "--quiet")
            project.git("add", "--all")
            project.git("commit", "--quiet", "--message", "all of it")
            options = poetry_base if manager == "poetry" else ""
            done[name] = Made(manager, project, options, kept, set())
        return done[name]

    yield made
    for name in done:
        for target in ("prod", "dev", "notebook"):
            docker("rmi", "--force", f"{name}:{target}", check=False)
        # And those whose names later builds of the same project have taken.
        title = f"label=org.opencontainers.image.title={name}"
        docker("image", "prune", "--force", "--filter", title)


@pytest.fixture(params=MANAGERS)
def made(request: pytest.FixtureRequest, makes: Callable[..., Made]) -> Made:
    """A project of each manager."""
    return makes(request.param)


@pytest.fixture(scope="session")
def analysis(makes: Callable[..., Made]) -> Made:
    """The smallest project, where it makes no difference which."""
    return makes("uv")


@pytest.fixture(scope="session")
def service(
    makes: Callable[..., Made], tmp_path_factory: pytest.TempPathFactory
) -> Made:
    """A project with a service, whose images are built and whose model is trained."""
    service = makes("uv", "service")
    service.image()
    # What compose starts finds bytecode of earlier runs, too.
    *_, volume = service.warm()
    volumes = {"volumes": [volume.removeprefix("--volume=")]}
    warm = tmp_path_factory.mktemp("warm") / "compose.json"
    warm.write_text(json.dumps({"services": {"pipeline": volumes, "api": volumes}}))
    env = {**service.project.env, "COMPOSE_FILE": f"compose.yaml{os.pathsep}{warm}"}
    service = service._replace(project=Project(service.project.path, env))
    service.project.make("pipeline")
    return service


# What is built


def test_production_has_the_locked_versions_and_nothing_else(made: Made) -> None:
    image = made.image()
    site = "/opt/venv/lib/python3.13/site-packages"
    code = INSTALLED.replace("PROJECT", made.name).replace("@", site)
    found, wanted = json.loads(made.python(code))
    assert sorted(found) == wanted
    pins = locked(made.project)
    for name, version in found.items():
        assert name == made.name or version in pins[name], name
    assert added_to_dependencies(image) < 5_000_000


def added_to_dependencies(image: str) -> int:
    """Return how many bytes an image has besides its base and its dependencies."""
    history = docker(
        "history", "--human=false", "--no-trunc", f"--format={HISTORY}", image
    )
    layers = [line.split("\t") for line in history.splitlines()]
    own = layers[
        : next(n for n, (_, made) in enumerate(layers) if "/etc/passwd" in made)
    ]
    largest, *others = sorted((int(size) for size, _ in own), reverse=True)
    assert largest > 100_000_000  # the dependencies
    return sum(others)


def looked_over(image: str) -> set[str]:
    """Return an image's bytecode, and what is in the homes and in what is scratch."""
    look = (
        "find / -xdev '(' -name '*.pyc' -o -name __pycache__ ')' -not -path '/proc/*';"
        "find /root /tmp /build /app /home -mindepth 1 2>/dev/null || :"
    )
    entry = ("--rm", "--user=0", "--entrypoint=sh", image, "-c", look)
    return {*docker("run", *entry).splitlines()}


def test_production_holds_no_bytecode_no_cache_and_no_tool(made: Made) -> None:
    image = made.image()
    base = made.options.rpartition("BASE=")[2] or "python:3.13-slim"
    assert looked_over(image) - looked_over(base) == {"/home/app"}
    listed = docker("run", "--rm", "--entrypoint=ls", image, "/opt/venv/bin").split()
    assert made.name in listed
    assert not {"pip", "uv", "poetry", "pipenv", "pytest"} & {*listed}


def test_production_runs_as_nobody_who_may_do_anything(made: Made) -> None:
    image = made.image()
    data = made.project / "data/raw"
    (out := made.project / "data/out").mkdir(exist_ok=True)
    out.chmod(0o777)
    rights = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")
    mounts = (f"--volume={data}:/app/data/raw:ro", f"--volume={out}:/app/data/out")
    setting = f"{made.package.upper()}_PROCESSED_FILE=/app/data/out/penguins.parquet"
    options = ("--rm", *rights, *mounts, "--tmpfs=/tmp", f"--env={setting}")
    # One of them with nothing but what production has.
    warm = [] if made.manager == "uv" else made.warm()
    docker("run", *options, *warm, image, "prepare")
    written = out / "penguins.parquet"
    assert written.stat().st_uid == 1000
    assert inspected(image, "{{.Config.User}}") == "1000:1000"
    assert inspected(image, "{{json .Config.Entrypoint}}") == f'["{made.name}"]'
    shutil.rmtree(out)


def test_development_runs_the_tests_with_the_source_that_is_mounted(
    made: Made, tmp_path: Path
) -> None:
    made.image("dev")
    shutil.copytree(made.project.path, tmp_path / made.name)
    project = Project(tmp_path / made.name, made.project.env)
    run("chown", "--recursive", f"{OWNER}:{OWNER}", project.path)
    run("chmod", "a+rx", tmp_path, *list(tmp_path.parents)[:3])
    who = (f"HOST_UID={OWNER}", f"HOST_GID={OWNER}")
    detached = ("docker", "compose", "run", "--detach", "--rm")
    up = (*detached, *made.warm("dev"), "dev", "sleep", "600")
    variables = {"HOST_UID": str(OWNER), "HOST_GID": str(OWNER)}
    env = {**project.env, **variables}
    name = run(*up, cwd=project.path, env=env).stdout.split()[-1]
    try:
        inside = ("docker", "exec", name)
        # All of them once, as the same tests run everywhere.
        words = () if made.manager == "uv" else ("ARGS=--no-cov tests/test_data.py",)
        assert "passed" in run(*inside, "make", "test", *words).stdout
        module = project / f"src/{made.package}/__init__.py"
        module.write_text(module.read_text() + '\nEDITED = "at once"\n')
        code = f"import {made.package}; print({made.package}.EDITED)"
        assert run(*inside, "python", "-c", code).stdout.strip() == "at once"
    finally:
        docker("rm", "--force", name)
        project.make("down", *who)
    owners = {path.lstat().st_uid for path in project.path.rglob("*")}
    assert owners == {OWNER}


# JupyterLab


class Lab:
    """JupyterLab in a container, and its API."""

    def __init__(self, port: int, token: str) -> None:
        self.address = f"127.0.0.1:{port}"
        self.token = token

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Return the status and the content of an answer; 0 where nobody answers."""
        connection = http.client.HTTPConnection(self.address, timeout=60)
        headers = {"Authorization": f"token {self.token}"}
        try:
            connection.request(method, f"/api{path}", json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read()
        except OSError:
            return 0, None
        finally:
            connection.close()
        return answer.status, json.loads(text) if text else None

    def execute(self, kernel: str, code: str) -> list[dict[str, Any]]:
        """Run code in a kernel and return the messages that came of it."""
        channel = websocket.create_connection(
            f"ws://{self.address}/api/kernels/{kernel}/channels?token={self.token}",
            timeout=180,
        )
        header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request"}
        header |= {"username": "", "session": "tests", "version": "5.3"}
        content = {"code": code, "silent": False, "store_history": False}
        parts = {"parent_header": {}, "metadata": {}, "channel": "shell"}
        channel.send(json.dumps({"header": header, "content": content, **parts}))
        told = []
        while True:
            message = json.loads(channel.recv())
            if message["parent_header"].get("msg_id") == header["msg_id"]:
                told.append(message)
                if message["content"].get("execution_state") == "idle":
                    channel.close()
                    return told


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_the_notebook_image_runs_the_notebook_in_the_projects_kernel(
    made: Made,
) -> None:
    image = made.image("notebook")
    port, token = free_port(), "of-the-tests"
    publish = ("--publish", f"127.0.0.1:{port}:8888")
    token_option = ("--env", f"JUPYTER_TOKEN={token}")
    options = (*publish, *token_option, "--user=0:0", *made.warm("notebook"))
    mounted = ("--volume", f"{made.project.path}:/app", image)
    with container(*options, *mounted):
        lab = Lab(port, token)
        wait_until(lambda: lab.ask("GET", "")[0] == 200, 120, "JupyterLab", 0.2)
        assert Lab(port, "wrong").ask("GET", "/contents")[0] == 403
        path = "notebooks/01-explore.ipynb"
        _, stored = lab.ask("GET", f"/contents/{path}")
        kernel = stored["content"]["metadata"]["kernelspec"]["name"]
        assert kernel == made.name
        body = {"path": path, "name": path, "type": "notebook"}
        _, session = lab.ask("POST", "/sessions", {**body, "kernel": {"name": kernel}})
        cells = [
            cell["source"]
            for cell in stored["content"]["cells"]
            if cell["cell_type"] == "code"
        ]
        for code in [*cells, "import sys; print(sys.prefix)"]:
            said = lab.execute(session["kernel"]["id"], code)
            kinds = {each["header"]["msg_type"] for each in said}
            assert "error" not in kinds, said
        texts = [each["content"].get("text", "") for each in said]
        assert "".join(texts).strip() == "/opt/venv"
    made.project.git("clean", "-qfdx", "data", "reports", "src", "notebooks")


# The same again


def test_an_edit_of_the_source_installs_no_dependency_again(analysis: Made) -> None:
    analysis.build()
    module = analysis.project / f"src/{analysis.package}/data.py"
    before = module.read_text()
    module.write_text(f"{before}# edited: {uuid.uuid4()}\n")
    try:
        said = analysis.build()
    finally:
        module.write_text(before)
        analysis.build()
    steps = dict(re.findall(r"(?m)^(#\d+) \[(.*)\]? .*$", said))
    done_again = {
        steps[number]
        for number in re.findall(r"(?m)^(#\d+) DONE", said)
        if number in steps
    }
    cached = {steps[number] for number in re.findall(r"(?m)^(#\d+) CACHED", said)}
    assert any("dependencies" in step for step in cached), said
    assert any("development" in step for step in cached), said
    again = " ".join(done_again)
    assert "dependencies" not in again
    assert "development" not in again
    assert "package" in again


def test_the_same_commit_gives_the_same_image(analysis: Made, tmp_path: Path) -> None:
    """But for the order of the files in a layer.

    That is the engine's: overlay2 packs a layer in one order or in another, by whether
    it was made on the very layer below or on one of the same contents.
    """
    image = f"{analysis.name}:prod"
    form = "{{.Id}} {{.Created}} {{json .Config}}"
    analysis.build()
    before = inspected(image, form).partition(" ")
    docker("tag", image, f"{analysis.name}:before")
    try:
        analysis.build(options="--no-cache")
        again = inspected(image, form).partition(" ")
        assert again[2] == before[2]
        if again[0] != before[0]:
            assert layers_of(image, tmp_path) == layers_of(
                f"{analysis.name}:before", tmp_path
            )
    finally:
        docker("rmi", "--force", f"{analysis.name}:before")


def layers_of(image: str, tmp_path: Path) -> list[list[tuple[Any, ...]]]:
    """Return what is in each layer of an image: every file with all that is known."""
    saved = tmp_path / "image.tar"
    docker("save", "--output", saved, image)
    found = []
    with tarfile.open(saved) as archive:
        listed = bytes_of(archive, archive.getmember("manifest.json"))
        (manifest,) = json.loads(listed)
        for name in manifest["Layers"]:
            with tarfile.open(fileobj=archive.extractfile(name)) as layer:
                files = [
                    (
                        *(each.name, each.type, each.mode, each.uid, each.gid),
                        *(each.mtime, each.linkname),
                        hashlib.sha256(bytes_of(layer, each)).digest(),
                    )
                    for each in layer.getmembers()
                ]
                found.append(sorted(files))
    saved.unlink()
    return found


def bytes_of(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    """Return what a file in an archive holds, nothing if it is no file."""
    file = archive.extractfile(member) if member.isreg() else None
    return file.read() if file else b""


def test_the_labels_tell_what_it_is_and_what_it_was_made_of(analysis: Made) -> None:
    labels = json.loads(inspected(analysis.image(), "{{json .Config.Labels}}"))
    names = {
        name.removeprefix("org.opencontainers.image."): labels[name] for name in labels
    }
    assert names["title"] == analysis.name
    assert names["revision"] == analysis.project.git("rev-parse", "HEAD")
    assert names["licenses"] == "MIT"
    assert names["base.name"] == "python:3.13-slim"
    assert names["revision"].startswith(names["version"])


def test_the_build_gets_to_see_nothing_but_what_it_needs(
    analysis: Made, tmp_path: Path
) -> None:
    (analysis.project / ".env").write_text("SECRET=1\n")
    (analysis.project / "src/.env").write_text("SECRET=1\n")
    (analysis.project / "data/raw/secret.csv").write_text("secret\n")
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    try:
        command = ("build", "--quiet", "--file", tmp_path / "Dockerfile")
        docker(*command, "--output", tmp_path / "seen", analysis.project.path)
    finally:
        for name in (".env", "src/.env", "data/raw/secret.csv"):
            (analysis.project / name).unlink()
    seen = {path.relative_to(tmp_path / "seen") for path in tmp_path.glob("seen/**/*")}
    names = {path.as_posix() for path in seen if (tmp_path / "seen" / path).is_file()}
    allowed = ("LICENSE", "README.md", "pyproject.toml", "uv.lock")
    assert {*allowed} <= names
    assert all(name in allowed or name.startswith("src/") for name in names), names
    assert not any("__pycache__" in name or ".env" in name for name in names)


# The service


def answer(port: int, path: str, body: object = None) -> tuple[int, Any]:
    """Return the status and content of the service's answer; 0 where there is none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        method = "POST" if body is not None else "GET"
        connection.request(
            method, path, json.dumps(body), {"Content-Type": "application/json"}
        )
        said = connection.getresponse()
        return said.status, json.loads(said.read())
    except OSError:
        return 0, None
    finally:
        connection.close()


def health(name: str) -> str:
    """Return what the engine thinks of a container's health."""
    return inspected(name, "{{.State.Health.Status}}")


def test_the_health_check_tells_good_from_bad_and_a_stop_is_heard(
    service: Made,
) -> None:
    models = service.project / "models"
    rights = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")
    mounts = ("--tmpfs=/tmp", f"--volume={models}:/app/models:ro")
    options = (*rights, *mounts, *service.warm())
    quick = ("--health-interval=1s", "--health-start-period=1s", "--health-retries=2")
    with container(*options, *quick, service.image()) as name:
        wait_until(lambda: health(name) == "healthy", 180, "it is healthy", 0.3)
        docker("kill", "--signal=STOP", name)
        wait_until(lambda: health(name) == "unhealthy", 60, "it is unhealthy", 0.3)
        docker("kill", "--signal=CONT", name)
        wait_until(lambda: health(name) == "healthy", 60, "it is healthy again", 0.3)
        docker("stop", "--time=60", name)
        assert inspected(name, "{{.State.ExitCode}}") != "137"  # it was not killed
        assert "Application shutdown complete" in docker("logs", name)


def test_a_command_without_a_handler_of_its_own_hears_a_stop(service: Made) -> None:
    code = "import time; print('up', flush=True); time.sleep(600)"
    entry = ("--entrypoint=python", service.image(), "-c", code)
    with container(*entry) as name:
        wait_until(lambda: "up" in docker("logs", name), 60, "it is up", 0.3)
        docker("stop", "--time=60", name)
        assert inspected(name, "{{.State.ExitCode}}") != "137"


def test_up_serves_predictions_and_down_leaves_nothing(service: Made) -> None:
    port = free_port()
    env = {**service.project.env, "PORT": str(port)}
    project = Project(service.project.path, env)
    project.make("up")
    try:
        status, said = answer(port, "/predict", PENGUIN)
        assert (status, said["species"]) == (200, "Chinstrap")
        assert '"path": "/predict"' in project.make("logs").stdout
        told = run("docker", "compose", "ps", cwd=project.path, env=env).stdout
        assert f"127.0.0.1:{port}->8000" in told
    finally:
        project.make("down")
    assert docker("ps", "--all", "--quiet", "--filter", f"name={service.name}") == ""
    assert answer(port, "/health")[0] == 0


def test_the_pipeline_leaves_models_and_figures_in_the_project(service: Made) -> None:
    for name in ("models/species.joblib", "reports/figures/confusion-matrix.png"):
        assert (service.project / name).stat().st_uid == os.getuid()


# From here to there


def test_a_saved_image_is_loaded_as_it_was(makes: Callable[..., Made]) -> None:
    small = makes("uv", small=True)  # how much is in it makes no difference
    small.build()
    small.project.make("image-save")
    image = f"{small.name}:prod"
    before = inspected(image, "{{.Id}}")
    docker("rmi", "--force", image)
    saved = small.project / f"dist/{small.name}-prod.tar.gz"
    assert image in docker("load", "--input", saved)
    assert inspected(image, "{{.Id}}") == before
    saved.unlink()


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """A registry on loopback, Debian's, which has what was pushed in this week.

    An engine remembers by a registry's address which layers it has packed for it; to
    pack the dependencies takes longer than all the rest.
    """
    program = shutil.which("docker-registry")
    if program is None:
        missing("docker-registry, Debian's package of that name, is not here")
    port = bound(REGISTRY_PORT) or bound(0)
    stacks = Path(sys.prefix) / "stacks"
    images = stacks / f"registry-{this_week()}"
    for old in {*stacks.glob("registry-*")} - {images}:
        shutil.rmtree(old)
    (tmp_path / "config.yml").write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: '{images}'}}}}\n"
        f"http: {{addr: '127.0.0.1:{port}'}}\n"
    )
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "serve", str(tmp_path / "config.yml")], stdout=log, stderr=log
        )
    try:
        wait_until(lambda: answer(port, "/v2/")[0] == 200, 30, "the registry answers")
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def test_what_is_pushed_to_a_registry_serves_on_another_machine(
    service: Made, registry: str, tmp_path: Path
) -> None:
    service.project.make("image-push", f"REGISTRY={registry}/team", "TAG=1.0")
    pushed = f"{registry}/team/{service.name}:1.0"
    docker("rmi", "--force", pushed)
    # The server has compose.yaml, the model, and an .env that names the image.
    server = tmp_path / "server"
    server.mkdir()
    shutil.copy(service.project / "compose.yaml", server)
    shutil.copytree(service.project / "models", server / "models")
    port = free_port()
    (server / ".env").write_text(f"IMAGE={pushed}\nPORT={port}\n")
    compose = ("docker", "compose", "--project-name", "cds-test-server")
    env = {k: v for k, v in service.project.env.items() if k != "COMPOSE_FILE"}
    try:
        run(*compose, "pull", cwd=server, env=env)
        run(*compose, "up", "--detach", "--wait", cwd=server, env=env)
        assert answer(port, "/predict", PENGUIN)[0] == 200
    finally:
        run(*compose, "down", cwd=server, env=env)
        docker("rmi", "--force", pushed, check=False)


def test_a_dev_container_opens_on_the_source_and_runs_the_tests(
    analysis: Made, devcontainer: Path, tmp_path: Path
) -> None:
    shutil.copytree(analysis.project.path, tmp_path / analysis.name)
    folder = ("--workspace-folder", tmp_path / analysis.name)
    run("chown", "--recursive", "1000:1000", folder[1])
    run("chmod", "a+rx", tmp_path, *list(tmp_path.parents)[:3])
    said = run(devcontainer, "up", *folder).stdout
    name = json.loads(said[said.rindex('{"outcome"') :])["containerId"]
    image = inspected(name, "{{.Config.Image}}")
    try:
        inside = (devcontainer, "exec", *folder, "sh", "-c")
        tests = "make test ARGS='--no-cov tests/test_data.py'"
        assert "passed" in run(*inside, tests).stdout
        code = f"import {analysis.package} as it; print(it.__file__)"
        where = run(*inside, f"python -c '{code}'").stdout.strip().splitlines()[-1]
        assert where == f"/app/src/{analysis.package}/__init__.py"
        listed = run(*inside, "jupyter-kernelspec list").stdout
        assert re.search(rf"{analysis.name} +/opt/venv/share/jupyter", listed)
    finally:
        docker("rm", "--force", name)
        for each in (image, image.removesuffix("-uid")):  # which is made of this
            docker("rmi", "--force", each, check=False)
