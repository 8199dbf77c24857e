"""The add-on remote-data: a server and two clones exchange files that git ignores."""

from __future__ import annotations

import hashlib
import math
import os
import re
import select
import socket
import socketserver
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from support.machine import Machine, MachineWith, without
from support.project import Project
from support.service import running

pytestmark = [pytest.mark.slow, pytest.mark.ci]
MOTO = ("uvx", "--quiet", "--from", "moto[server]>=5", "moto_server", "-p", "{port}")
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_MAX_ATTEMPTS": "1",
}
RAW, MODEL, DEEP = "data/raw/big.csv", "models/model.onnx", "data/interim/a/b.bin"


class Connection(socketserver.BaseRequestHandler):
    """Forward data in both directions until the connection is cut."""

    server: Line

    def handle(self) -> None:
        with socket.create_connection(("127.0.0.1", self.server.port)) as far:
            others = {self.request: far, far: self.request}
            while self.server.left > 0:
                for source in select.select([*others], [], [])[0]:
                    with suppress(OSError):
                        if data := source.recv(1 << 14):
                            others[source].sendall(data)
                            self.server.left -= len(data)
                            self.server.passed += len(data)
                            continue
                    return


class Line(socketserver.ThreadingTCPServer):
    """A proxy for the server that cuts the connection after `left` bytes."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), Connection)
        self.port = port
        self.left, self.passed = math.inf, 0


def put(url: str, content: bytes = b"") -> None:
    """Create a bucket, or write a file into it, without credentials."""
    headers = {"x-amz-acl": "public-read-write"}
    request = urllib.request.Request(url, content, headers, method="PUT")
    urllib.request.urlopen(request).close()


@pytest.fixture(scope="module")
def line(own_home: Path) -> Iterator[Line]:
    """The proxy of an S3 server with a bucket."""
    with running(Project(own_home, os.environ), *MOTO, ready="/moto-api/") as port:
        put(f"http://127.0.0.1:{port}/bucket")
        with Line(port) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield server
            server.shutdown()


@pytest.fixture(scope="module")
def machine(machine_with: MachineWith, line: Line, stack: Path) -> Machine:
    """A machine with a project, and with access to the server."""
    machine = machine_with("uv")
    machine.cookiecutter(set_up="no", starter="model", addons="remote-data")
    project = machine.project()
    project.commit("Start")
    machine.run("uv", "tool", "install", "--quiet", "dvc[s3]>=3.67")  # starts faster
    address = f"http://127.0.0.1:{line.server_address[1]}"
    machine.env |= {**CREDENTIALS, "AWS_ENDPOINT_URL": address, "VENV": str(stack)}
    return machine


Clones = tuple[Project, Project]


@pytest.fixture
def clones(machine: Machine, tmp_path: Path) -> Clones:
    """Two clones of the project, with a path of their own on the server."""
    machine.project().git("clone", "--quiet", "--bare", ".", f"{tmp_path}/origin")
    env = machine.env | {"DATA_REMOTE": f"s3://bucket/{tmp_path.name}"}
    for name in ("first", "second"):
        machine.run("git", "clone", "--quiet", tmp_path / "origin", tmp_path / name)
    return Project(tmp_path / "first", env), Project(tmp_path / "second", env)


def write(project: Project, content: str, *names: str) -> None:
    for name in names:
        project.write(name, content)


def share(project: Project, other: Project) -> None:
    """Push the files, commit their records, and pull both into the other clone."""
    project.make("data-push")
    project.git("add", "--all")
    project.git("commit", "--quiet", "--message=Data")
    project.git("push", "--quiet")
    other.git("pull", "--quiet")


def refused(project: Project, *words: str, **env: str) -> str:
    changed = Project(project.path, {**project.env, **env})
    done = changed.make(*words, check=False)
    assert done.returncode != 0, done.stdout
    assert "Traceback" not in done.stdout
    return done.stdout


def test_a_clone_gets_the_files_that_belong_to_its_commit(clones: Clones) -> None:
    first, second = clones
    names = (RAW, MODEL, DEEP)
    write(first, "1", *names, "data/raw/.DS_Store")
    assert first.make("data-status").stdout.count("not pushed: ") == 3
    share(first, second)
    records = {RAW, MODEL, "data/interim/a"}
    committed = first.git("diff", "--name-only", "HEAD~1").split()
    assert {*committed} == {f"{name}.dvc" for name in records}
    status = second.make("data-status").stdout
    assert all(name in status for name in records)
    second.make("data-pull")
    assert [second.text(name) for name in names] == ["1", "1", "1"]
    write(first, "2", RAW)
    share(first, second)
    second.make("data-pull")
    assert [second.text(name) for name in names] == ["2", "1", "1"]
    second.git("checkout", "--quiet", "HEAD~1")
    second.make("data-pull")
    assert second.text(RAW) == "1"


def test_conflicting_changes_of_two_people_are_kept(clones: Clones) -> None:
    first, second = clones
    write(first, "1", RAW)
    share(first, second)
    write(second, "mine", RAW)
    assert "make data-pull" in refused(second, "data-push")
    assert RAW in refused(second, "data-pull")
    assert second.text(RAW) == "mine"
    assert second.git("status", "--short") == ""
    second.make("data-push", "FORCE=yes")
    second.git("checkout", "--quiet", "--", ".")
    write(second, "mine too", RAW)
    second.make("data-pull", "FORCE=yes")
    assert second.text(RAW) == "1"
    # A file without a record is kept.
    first.git("rm", "--quiet", f"{RAW}.dvc")
    first.git("commit", "--quiet", "--message=Remove")
    first.make("data-pull")
    assert first.text(RAW) == "1"


def test_an_interrupted_transfer_continues_where_it_stopped(
    clones: Clones, line: Line
) -> None:
    first, second = clones
    for number in range(20):
        write(first, f"{number:9}" * 20_000, f"data/raw/{number}.csv")
    total = 20 * 9 * 20_000
    for project, command in ((first, "data-push"), (second, "data-pull")):
        line.left = total / 2
        refused(project, command)
        line.left, line.passed = math.inf, 0
        project.make(command)
        assert line.passed < total * 0.9
        if project is first:
            share(first, second)
    assert second.text("data/raw/7.csv") == first.text("data/raw/7.csv")


def test_a_corrupted_file_is_not_accepted(clones: Clones, line: Line) -> None:
    first, second = clones
    write(first, "good", RAW)
    write(first, "model", MODEL)
    share(first, second)
    digest = hashlib.md5(b"good").hexdigest()
    place = f"bucket/{first.path.parent.name}/files/md5/{digest[:2]}/{digest[2:]}"
    put(f"http://127.0.0.1:{line.port}/{place}", b"evil")
    assert RAW in refused(second, "data-pull")
    assert not (second / RAW).exists()


def test_missing_requirements_are_named_in_one_line(clones: Clones) -> None:
    project, _ = clones
    write(project, "1", RAW)
    nobody = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    assert "Unable to locate credentials" in refused(project, "data-push", **nobody)
    path = without(project.env["PATH"], frozenset({"uvx", "pipx"}))
    assert "uvx is missing" in refused(project, "data-push", PATH=path)
    assert "No address" in refused(project, "data-push", DATA_REMOTE="")


def test_the_address_is_in_dotenv_or_in_the_configuration(
    clones: Clones, machine: Machine, tmp_path: Path
) -> None:
    project = Project(clones[0].path, machine.env)
    write(project, "1", RAW)
    config = re.sub(r"^#(?=[ \[])(?! \w)", "", project.text(".dvc/config"), flags=re.M)
    config = config.replace("s3://bucket/path", str(tmp_path / "default"))
    write(project, config, ".dvc/config")
    write(project, f'DATA_REMOTE="file://{tmp_path}/own"\n', ".env")
    project.make("data-push")
    assert "Not in remote" not in project.make("data-status").stdout
    assert len([*(tmp_path / "own").glob("files/md5/*/*")]) == 1
    (project / ".env").unlink()
    assert "Not in remote" in project.make("data-status").stdout
