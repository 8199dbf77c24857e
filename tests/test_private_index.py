"""A package index of one's own: managers install from it, and make publishes to it.

The index is pypiserver on loopback. It wants a name and a password for everything, and
sends those who ask for what it does not hold on to the public index.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import (
    Bake,
    Equip,
    Machine,
    MachineNamed,
    Project,
    default_context,
)
from containers import docker, held_by_layers
from journey import said_by_make, wait_until
from pip._internal.models.index import PyPI

MANAGERS = list(default_context()["_managers"])
USERNAME = "ada"
PASSWORD = "s3cr$t@/%#:"
CREDENTIALS = {
    "PACKAGE_INDEX_USERNAME": USERNAME,
    "PACKAGE_INDEX_PASSWORD": PASSWORD,
}
# The first process of the tests has the same port in each run, where it is free: an
# engine finds the managers that it has installed.
PORT = 28417
TOOLS = ["build", "editables", "hatchling", "installer"]

Owned = Callable[..., Project]
slow = pytest.mark.slow


class Index(NamedTuple):
    """A running index: its simple pages, and the directory of its files."""

    url: str
    directory: Path

    @property
    def files(self) -> list[str]:
        """The names of the files that it holds."""
        return sorted(path.name for path in self.directory.iterdir())


def status_of(url: str) -> int:
    """Return the status that an address answers with, 0 where nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def bound(port: int) -> int:
    """Return the port if nobody listens on it, else 0; for 0, one that is free."""
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            free.bind(("127.0.0.1", port))
        except OSError:
            return 0
        return int(free.getsockname()[1])


@pytest.fixture(scope="session")
def index(
    pinned_programs: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Index]:
    """An index that nobody has published to yet."""
    directory = tmp_path_factory.mktemp("index")
    (files := directory / "files").mkdir()
    digest = base64.b64encode(hashlib.sha1(PASSWORD.encode()).digest()).decode()
    (directory / "passwords").write_text(f"{USERNAME}:{{SHA}}{digest}\n")
    own = PORT + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
    port = bound(own) or bound(0)
    command = [
        *(str(pinned_programs / "pypi-server"), "run", "--authenticate"),
        *("list,download,update", "--passwords", str(directory / "passwords")),
        *("--interface", "127.0.0.1", "--port", str(port)),
        *("--fallback-url", PyPI.simple_url, str(files)),
    ]
    with (directory / "log.txt").open("w") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, start_new_session=True
        )
    url = f"http://127.0.0.1:{port}/simple/"
    try:
        wait_until(lambda: status_of(url) or process.poll() is not None, 60, url)
        assert status_of(url) == 401, (directory / "log.txt").read_text()
        yield Index(url, files)
    finally:
        process.terminate()
        process.wait(60)


def reduce(project: Project, dependencies: list[str]) -> None:
    """Let a project depend on this alone, and on what builds it, to save time."""

    def listed(names: list[str]) -> str:
        return f"[{', '.join(repr(name) for name in names)}]".replace("'", '"')

    text = project.text("pyproject.toml")
    blocks = r"(?ms)^{} = \[.*?^\]$"
    development = [*TOOLS, "ipykernel"]  # of those that use PEP 735: `make install`
    for key, names in {"dependencies": dependencies, "dev": development}.items():
        text = re.sub(blocks.format(key), f"{key} = {listed(names)}", text)
    (project / "pyproject.toml").write_text(text)
    if (project / "requirements-dev.in").exists():
        lines = ["-c requirements.txt", "pip-tools", *TOOLS]
        (project / "requirements-dev.in").write_text("\n".join(lines) + "\n")
    if (project / "Pipfile").exists():
        table = "".join(f'{name} = "*"\n' for name in TOOLS)
        text = re.sub(
            r"(?ms)(^\[dev-packages\]\n).*?(?=^\[)",
            rf"\1{table}\n",
            project.text("Pipfile"),
        )
        (project / "Pipfile").write_text(text)


@pytest.fixture(scope="session")
def owned(bake: Bake, index: Index) -> Owned:
    """Render a project that uses the index, on a machine, reduced."""

    def made(
        machine: Machine, name: str, manager: str, dependencies: list[str]
    ) -> Project:
        rendered = bake(
            project_slug=name,
            environment_manager=manager,
            package_index_url=index.url,
        )
        shutil.copytree(rendered.path, machine.work / name)
        # Poetry remembers the hashes of a release by the name of its index, and each
        # run of the tests publishes another file of that release.
        machine.env["POETRY_CACHE_DIR"] = str(machine.home / "poetry-cache")
        machine.env |= CREDENTIALS
        project = Project(machine.work / name, machine.env)
        reduce(project, dependencies)
        return project

    return made


@pytest.fixture(scope="session")
def library(owned: Owned, equip: Equip, new_machine: MachineNamed) -> str:
    """The name of a package that is in the index."""
    name = "the-library"
    machine = new_machine("library")
    equip(machine, "twine")
    project = owned(machine, name, "uv", [])
    project.make("install")
    project.make("publish")
    return name


@pytest.fixture(scope="session")
def user(
    library: str, owned: Owned, equip: Equip, new_machine: MachineNamed
) -> Callable[[str], Project]:
    """Make a project of a manager once, with the library in its environment."""
    done: dict[str, Project] = {}

    def made(manager: str) -> Project:
        if manager not in done:
            machine = new_machine(f"user-{manager}")
            if manager in ("poetry", "pipenv"):
                equip(machine, manager)
            project = owned(machine, f"cds-test-index-{manager}", manager, [library])
            project.make("install-production")
            done[manager] = project
        return done[manager]

    return made


def written(project: Project) -> str:
    """Return all that is written in a project's own files."""
    text = [name for name in project.files if not name.endswith(".pyc")]
    return "\n".join((project / name).read_text("utf-8") for name in text)


@slow
def test_what_is_published_is_a_wheel_and_an_sdist(library: str, index: Index) -> None:
    assert index.files == [
        "the_library-0.1.0-py3-none-any.whl",
        "the_library-0.1.0.tar.gz",
    ]


def test_the_credentials_reach_twine_as_they_are(bake: Bake, machine: Machine) -> None:
    project = bake(package_index_url="https://packages.example.com/simple/")
    machine.env |= CREDENTIALS
    said = said_by_make(machine, project, "env").splitlines()
    assert {f"TWINE_USERNAME={USERNAME}", f"TWINE_PASSWORD={PASSWORD}"} <= {*said}


@pytest.mark.parametrize(
    ("credentials", "told"),
    [
        ({}, ""),
        ({"USERNAME": "ada"}, "ada@"),
        ({"USERNAME": "a@b", "PASSWORD": "c:d/e %f"}, "a%40b:c%3Ad%2Fe%20%25f@"),
        ({"PASSWORD": "alone"}, ""),
    ],
    ids=["none", "a name", "both", "a password"],
)
def test_make_quotes_the_credentials_of_an_address(
    bake: Bake, machine: Machine, credentials: dict[str, str], told: str
) -> None:
    project = bake(package_index_url="https://packages.example.com/team/simple/")
    machine.env |= {f"PACKAGE_INDEX_{key}": each for key, each in credentials.items()}
    said = said_by_make(machine, project, "echo '$(PACKAGE_INDEX)'")
    assert said == f"https://{told}packages.example.com/team/simple/\n"


@slow
def test_a_refused_upload_ends_with_what_the_index_said(
    library: str, owned: Owned, equip: Equip, machine: Machine
) -> None:
    equip(machine, "twine")
    project = owned(machine, "another-library", "uv", [])
    project.make("install")
    machine.env["PACKAGE_INDEX_PASSWORD"] = "wrong"
    done = project.make("publish", check=False)
    assert done.returncode == 2
    assert "403" in done.stdout
    assert PASSWORD not in done.stdout


@slow
@pytest.mark.parametrize("manager", MANAGERS)
def test_every_manager_installs_from_the_index_and_writes_no_password_down(
    manager: str, user: Callable[[str], Project]
) -> None:
    project = user(manager)
    package = project.path.name.replace("-", "_")
    code = f"import the_library, {package}; print(the_library.__file__)"
    where = project.run(project.bin / "python", "-c", code).stdout.strip()
    assert Path(where).is_relative_to(project / ".venv")
    for lock_file in default_context()["_managers"][manager]["locks"]:
        assert (project / lock_file).is_file()
    text = written(project)
    assert PASSWORD not in text
    assert "s3cr%24t" not in text
    assert f"{USERNAME}:" not in text.replace("${PACKAGE_INDEX_USERNAME}:", "")


@slow
def test_the_set_up_takes_the_credentials_from_the_environment(
    library: str, index: Index, machine: Machine
) -> None:
    machine.env |= CREDENTIALS
    output = machine.cookiecutter(package_index_url=index.url).stdout
    assert "To go on:" not in output
    project = machine.project()
    assert index.url in project.text("uv.lock")
    assert PASSWORD not in written(project) + output
    assert project.git("status", "--porcelain") == ""


@slow
def test_without_credentials_the_step_says_what_the_index_said(
    library: str, index: Index, machine: Machine
) -> None:
    output = machine.cookiecutter(package_index_url=index.url).stdout
    assert re.search(r"^  ✗ environment .*'uv sync' failed", output, re.MULTILINE)
    assert "401" in output or "credentials" in output.lower(), output
    assert "cd my-analysis && make install repository" in output


@slow
@pytest.mark.parametrize("manager", MANAGERS)
def test_the_credentials_reach_the_build_of_an_image_and_no_layer_of_it(
    manager: str, user: Callable[[str], Project], poetry_base: str
) -> None:
    project = user(manager)
    name = project.path.name
    # What is installed from the index is installed anew.
    anew = "--no-cache-filter=dependencies,development"
    base = poetry_base if manager == "poetry" else ""
    options = f"--network=host {anew} {base}"
    project.make("image", f"ARGS={options}")
    image = f"{name}:prod"
    try:
        code = "import the_library; print(the_library.__file__)"
        entry = ("--rm", "--entrypoint=python", image, "-c", code)
        assert "/opt/venv/" in docker("run", *entry)
        secrets = (PASSWORD, "s3cr%24t", f"{USERNAME}:{PASSWORD[:4]}")
        assert held_by_layers(image, *secrets, name) == {name}
        assert PASSWORD[:6] not in docker("history", "--no-trunc", image)
    finally:
        docker("rmi", "--force", image)
