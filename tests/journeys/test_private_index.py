"""A private package index: managers install from it, `make publish` uploads to it.

The index is pypiserver on loopback. Its user and password are in ~/.netrc. It redirects
to the public index for packages that it does not have.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from support.engine import docker
from support.finished_project import resume
from support.index_proxy import default_index
from support.locks import lock_files
from support.machine import Machine, MachineWith
from support.project import Project
from support.service import running

pytestmark = pytest.mark.slow

USERNAME = "ada"
PASSWORD = "s3cr$t@/%#:"
QUOTED = "s3cr%24t"  # the beginning of the password in an address
TWINE = {"TWINE_USERNAME": USERNAME, "TWINE_PASSWORD": PASSWORD}
LIBRARY = "the-library"


class Index(NamedTuple):
    """A running index: its simple pages, and the directory of its files."""

    url: str
    directory: Path


@pytest.fixture(scope="module")
def index(
    pinned_programs: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Index]:
    directory = tmp_path_factory.mktemp("index")
    (files := directory / "files").mkdir()
    digest = base64.b64encode(hashlib.sha1(PASSWORD.encode()).digest()).decode()
    (directory / "passwords").write_text(f"{USERNAME}:{{SHA}}{digest}\n")
    command: list[str | Path] = [
        *(pinned_programs / "pypi-server", "run", "--authenticate"),
        *("list,download,update", "--passwords", directory / "passwords"),
        *("--interface", "127.0.0.1", "--port", "{port}"),
        *("--fallback-url", default_index(), files),
    ]
    with running(Project(directory, os.environ), *command, ready="/") as port:
        yield Index(f"http://127.0.0.1:{port}/simple/", files)


def write_netrc(machine: Machine) -> None:
    line = f"machine 127.0.0.1 login {USERNAME} password {PASSWORD}\n"
    (machine.home / ".netrc").write_text(line)
    (machine.home / ".netrc").chmod(0o600)


NewProject = Callable[..., Project]


@pytest.fixture(scope="module")
def new_project(little: Path, index: Index) -> NewProject:
    """Render a project that uses the index and has few dependencies."""

    def made(machine: Machine, name: str, manager: str = "uv") -> Project:
        machine.template = little
        machine.cookiecutter(
            set_up="no",
            project_slug=name,
            environment_manager=manager,
            package_index_url=index.url,
        )
        # Poetry caches hashes by the name of the index, whose files are new in every
        # run.
        machine.env["POETRY_CACHE_DIR"] = str(machine.home / "poetry-cache")
        write_netrc(machine)
        return machine.project(name)

    return made


@pytest.fixture(scope="module")
def library(new_project: NewProject, machine_with: MachineWith) -> Project:
    machine = machine_with("twine")
    project = new_project(machine, LIBRARY)
    project.make("install", "build")
    machine.env |= TWINE
    project.make("publish")
    return project


@pytest.fixture(scope="module")
def user_of(
    library: Project, new_project: NewProject, machine_with: MachineWith
) -> Callable[[str], Project]:
    """Make and lock a project and install it into VENV=prod, once for each manager."""
    done: dict[str, Project] = {}

    def made(manager: str) -> Project:
        if manager not in done:
            name = f"cds-test-index-{manager}"
            project = new_project(machine_with(manager), name, manager)
            last = '"typer>=0.20"'
            project.replace("pyproject.toml", last, f'"{LIBRARY}",\n    {last}')
            project.make("lock")
            project.make("install-production", "VENV=prod")
            done[manager] = project
        return done[manager]

    return made


def all_text(project: Project) -> str:
    names = [name for name in project.files if not name.startswith("prod/")]
    return "\n".join((project / name).read_text("utf-8") for name in names)


def test_publish_uploads_a_wheel_and_an_sdist(library: Project, index: Index) -> None:
    wheel, sdist = sorted(path.name for path in index.directory.iterdir())
    assert wheel == "the_library-0.1.0-py3-none-any.whl"
    assert sdist == "the_library-0.1.0.tar.gz"


def test_a_rejected_upload_shows_the_answer_of_the_index(library: Project) -> None:
    wrong = {**library.env, "TWINE_PASSWORD": "wrong"}
    done = Project(library.path, wrong).make("publish", check=False)
    assert done.returncode == 2
    assert "403" in done.stdout
    assert PASSWORD not in done.stdout


@pytest.mark.parametrize(
    "manager",
    [
        "uv",
        pytest.param("poetry", marks=pytest.mark.ci),
        pytest.param("pip", marks=pytest.mark.ci),
        pytest.param("pip-tools", marks=pytest.mark.weekly),
        pytest.param("pipenv", marks=pytest.mark.weekly),
    ],
)
def test_a_manager_installs_from_the_index_and_writes_no_password_down(
    manager: str, user_of: Callable[[str], Project]
) -> None:
    project = user_of(manager)
    code = "import the_library; print(the_library.__file__)"
    where = project.run(project / "prod/bin/python", "-c", code).stdout.strip()
    assert Path(where).is_relative_to(project / "prod")
    assert lock_files(project)
    text = all_text(project)
    assert PASSWORD not in text
    assert QUOTED not in text
    assert f"{USERNAME}:" not in text


def test_set_up_without_credentials_shows_the_answer_and_resumes_with_them(
    index: Index, little: Path, machine: Machine
) -> None:
    machine.template = little
    output = machine.cookiecutter(
        environment_manager="uv", package_index_url=index.url
    ).stdout
    assert "401" in output or "credentials" in output.lower(), output
    write_netrc(machine)
    resume(machine, output)
    project = machine.project()
    assert index.url in project.text("uv.lock")
    assert PASSWORD not in all_text(project)
    assert project.git("status", "--porcelain") == ""


@pytest.mark.parametrize("manager", ["uv", "pip"])  # pip-tools, Pipenv: as pip
def test_credentials_reach_the_build_of_an_image_and_no_layer(
    manager: str, user_of: Callable[[str], Project], engine: None
) -> None:
    project = user_of(manager)
    project.make("image", "ARGS=--network=host")
    image = f"{project.path.name}:prod"
    try:
        code = "import the_library; print(the_library.__file__)"
        said = docker("run", "--rm", "--entrypoint=python", image, "-c", code)
        assert said.startswith("/opt/venv/")
        project.run("docker", "save", "--output=saved.tar", image)
        texts = [f"--regexp={each}" for each in (PASSWORD, QUOTED, project.path.name)]
        words = (
            "grep",
            "--text",
            "--fixed-strings",
            "--only-matching",
            "--no-filename",
        )
        found = project.run(*words, *texts, "saved.tar").stdout
        assert {*found.split()} == {project.path.name}
        assert PASSWORD[:6] not in docker("history", "--no-trunc", image)
    finally:
        docker("rmi", "--force", image)
        (project / "saved.tar").unlink(missing_ok=True)
