"""The add-on remote-data: files that git ignores, on a server and in two clones."""

from __future__ import annotations

import hashlib
import math
import os
import re
import signal
import socket
import socketserver
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from support.machine import Machine, MachineNamed, without
from support.project import Bake, Project

pytestmark = [pytest.mark.slow, pytest.mark.ci]
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
RAW, MODEL, DEEP = "data/raw/big.csv", "models/model.onnx", "data/interim/a/b.bin"


class Pass(socketserver.BaseRequestHandler):
    """Pass on what both sides say, until the line is cut."""

    server: Line

    def handle(self) -> None:
        with socket.create_connection(("127.0.0.1", self.server.port)) as far:
            answers = threading.Thread(target=self.pump, args=(far, self.request))
            answers.start()
            self.pump(self.request, far)
            answers.join()

    def pump(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while (data := source.recv(1 << 14)) and self.server.left > 0:
                self.server.left -= len(data)
                self.server.passed += len(data)
                target.sendall(data)
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


class Line(socketserver.ThreadingTCPServer):
    """The way to the server, which is cut after so many bytes.

    Attributes:
        passed: how many bytes went by.
        left: how many may still.
    """

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), Pass)
        self.port = port
        self.left, self.passed = math.inf, 0


def put(url: str, content: bytes = b"") -> None:
    """Make a bucket, or write a file into it, as anybody may."""
    headers = {"x-amz-acl": "public-read-write"}
    request = urllib.request.Request(url, content, headers, method="PUT")
    urllib.request.urlopen(request).close()


@pytest.fixture(scope="module")
def line(own_home: Path) -> Iterator[Line]:
    """The way to an S3 server with a bucket."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ["uvx", "--quiet", "--from", "moto[server]>=5", "moto_server"]
    moto = subprocess.Popen(
        [*command, "-p", str(port)], stderr=subprocess.DEVNULL, start_new_session=True
    )
    bucket = f"http://127.0.0.1:{port}/bucket"
    try:
        for _ in range(300):
            with suppress(OSError):
                put(bucket)
                break
            time.sleep(0.3)
        with Line(port) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield server
            server.shutdown()
    finally:
        os.killpg(moto.pid, signal.SIGTERM)
        moto.wait()


@pytest.fixture(scope="module")
def machine(new_machine: MachineNamed, line: Line, stack: Path) -> Machine:
    """A machine with a project, and with access to the server."""
    machine = new_machine("remote-data")
    machine.cookiecutter(set_up="no", starter="model", addons="remote-data")
    project = machine.project()
    project.git("init", "--quiet", "--initial-branch=main")
    project.git("add", "--all")
    project.git("commit", "--quiet", "--message=Start")
    address = f"http://127.0.0.1:{line.server_address[1]}"
    machine.env |= {**CREDENTIALS, "AWS_ENDPOINT_URL": address, "VENV": str(stack)}
    machine.run("uv", "tool", "install", "--quiet", "dvc[s3]>=3.67")  # starts faster
    machine.env |= {"AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "1"}
    return machine


@pytest.fixture
def clone(machine: Machine, tmp_path: Path) -> Callable[[str], Project]:
    """Clone the project; each test has a repository and a place on the server."""
    machine.project().git("clone", "--quiet", "--bare", ".", f"{tmp_path}/origin")

    def cloned(name: str) -> Project:
        machine.run("git", "clone", "--quiet", tmp_path / "origin", tmp_path / name)
        place = {"DATA_REMOTE": f"s3://bucket/{tmp_path.name}"}
        return Project(tmp_path / name, machine.env | place)

    return cloned


def write(project: Project, content: str, *names: str) -> None:
    """Write files of this content."""
    for name in names:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(content, encoding="utf-8")


def share(project: Project) -> None:
    """Push the files, commit their records, and push the commit."""
    project.make("data-push")
    project.git("add", "--all")
    project.git("commit", "--quiet", "--message=Data")
    project.git("push", "--quiet")


def refused(project: Project, *words: str) -> str:
    """Return what a command that fails prints."""
    done = project.make(*words, check=False)
    assert done.returncode != 0, done.stdout
    assert "Traceback" not in done.stdout
    return done.stdout


def test_a_clone_gets_the_files_that_belong_to_its_commit(
    clone: Callable[[str], Project],
) -> None:
    first, second = clone("first"), clone("second")
    write(first, "1", RAW, MODEL, DEEP, "data/raw/.DS_Store")
    assert first.make("data-status").stdout.count("not pushed: ") == 3
    share(first)
    assert {*first.git("diff", "--name-only", "HEAD~1").split()} == {
        f"{name}.dvc" for name in (RAW, MODEL, "data/interim/a")
    }
    second.git("pull", "--quiet")
    status = second.make("data-status").stdout
    assert all(name in status for name in (RAW, MODEL, "data/interim/a"))
    second.make("data-pull")
    write(first, "2", RAW)
    share(first)
    assert [second.text(name) for name in (RAW, MODEL, DEEP)] == ["1", "1", "1"]
    second.git("pull", "--quiet")
    second.make("data-pull")
    assert [second.text(name) for name in (RAW, MODEL, DEEP)] == ["2", "1", "1"]
    second.git("checkout", "--quiet", "HEAD~1")
    second.make("data-pull")
    assert second.text(RAW) == "1"


def test_what_two_people_changed_is_lost_on_neither_side(
    clone: Callable[[str], Project],
) -> None:
    first, second = clone("first"), clone("second")
    write(first, "1", RAW)
    share(first)
    second.git("pull", "--quiet")
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
    # What nobody has a record of any more stays where it is.
    first.git("rm", "--quiet", f"{RAW}.dvc")
    first.git("commit", "--quiet", "--message=Remove")
    first.make("data-pull")
    assert first.text(RAW) == "1"


def test_an_interrupted_transfer_goes_on_where_it_was(
    clone: Callable[[str], Project], line: Line
) -> None:
    first, second = clone("first"), clone("second")
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
            share(first)
            second.git("pull", "--quiet")
    assert second.text("data/raw/7.csv") == first.text("data/raw/7.csv")


def test_records_are_not_taken_for_secrets(bake: Bake) -> None:
    text = bake(addons="remote-data").text(".pre-commit-config.yaml")
    (hooks,) = (repository["hooks"] for repository in yaml.safe_load(text)["repos"])
    (excluded,) = (hook["exclude"] for hook in hooks if hook["id"] == "detect-secrets")
    assert re.search(excluded, f"{RAW}.dvc")


def test_a_corrupted_file_is_not_accepted(
    clone: Callable[[str], Project], line: Line
) -> None:
    first, second = clone("first"), clone("second")
    write(first, "good", RAW)
    write(first, "model", MODEL)
    share(first)
    digest = hashlib.md5(b"good").hexdigest()
    place = f"bucket/{first.path.parent.name}/files/md5/{digest[:2]}/{digest[2:]}"
    put(f"http://127.0.0.1:{line.port}/{place}", b"evil")
    second.git("pull", "--quiet")
    assert RAW in refused(second, "data-pull")
    assert not (second / RAW).exists()


def test_what_is_missing_is_named_in_one_line(
    clone: Callable[[str], Project], machine: Machine
) -> None:
    project = clone("first")
    write(project, "1", RAW)
    nobody = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    output = refused(Project(project.path, {**project.env, **nobody}), "data-push")
    assert "Unable to locate credentials" in output
    without_tools = without(machine.env["PATH"], frozenset({"uvx", "pipx"}))
    bare = Project(project.path, {**project.env, "PATH": without_tools})
    assert "uvx is missing" in refused(bare, "data-push")
    nowhere = Project(project.path, machine.env)
    assert "No address" in refused(nowhere, "data-push")


def test_the_address_is_in_dotenv_or_in_the_configuration(
    clone: Callable[[str], Project], machine: Machine, tmp_path: Path
) -> None:
    project = Project(clone("first").path, machine.env)
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
