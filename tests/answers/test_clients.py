"""Every way to make a project gives the same files.

Enter throughout, at a terminal, is in journeys/test_set_up.py.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.machine import Machine
from support.project import Project, default_context, run

CONTEXT = default_context()
OLDEST = "2.4.0"
TOO_OLD = "2.3.1"
ANSWERS: dict[str, str] = {
    "project_name": "Penguin bills",
    "project_slug": "penguin-bills",
    "package_name": "penguin_bills",
    "license": CONTEXT["license"][-1],
    "starter": CONTEXT["starter"][-1],
}
WORDS = ("--no-input", *(f"{name}={answer}" for name, answer in ANSWERS.items()))
PYTHON_API = """
import json, sys
from cookiecutter.main import cookiecutter
answers = json.loads(sys.argv[2])
print(cookiecutter(sys.argv[1], no_input=True, extra_context=answers))
"""

pytestmark = pytest.mark.slow
Contents = dict[str, bytes]


def contents(project: Project) -> Contents:
    """Return the project's files except the link to its template."""
    names = {*project.files} - {".cruft.json"}
    return {name: (project / name).read_bytes() for name in names}


class Client:
    """A program that makes projects on a machine, without setting them up.

    Attributes:
        program: the command, without arguments.
        template: what it makes projects from.
    """

    def __init__(self, machine: Machine, program: list[str]) -> None:
        self.machine = machine
        self.program = program
        self.template = str(machine.template)
        config = "default_context:\n  set_up: no\n"
        (machine.home / ".cookiecutterrc").write_text(config, "utf-8")

    def make(
        self, *words: str | Path, check: bool = True, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run it with these arguments after the template."""
        command = [*self.program, self.template, *words]
        work, env = self.machine.work, self.machine.env
        return run(*command, cwd=work, env=env, check=check, stdin=stdin)

    @property
    def project(self) -> Project:
        """The project that it has made."""
        return self.machine.project("penguin-bills")


ClientOf = Callable[[Machine, str], Client]


@pytest.fixture(scope="module")
def client_of(
    tmp_path_factory: pytest.TempPathFactory, own_home: Path
) -> Iterator[ClientOf]:
    """Install a release of cookiecutter, once."""
    directory = tmp_path_factory.mktemp("clients")

    def client(machine: Machine, release: str) -> Client:
        venv = directory / release
        python = venv / ("Scripts/python" if os.name == "nt" else "bin/python")
        if not venv.exists():
            install = ("uv", "pip", "install", "--quiet", "--python", python)
            run("uv", "venv", "--quiet", "--python", sys.executable, venv)
            run(*install, f"cookiecutter=={release}")
        return Client(machine, [str(python), "-m", "cookiecutter"])

    yield client
    shutil.rmtree(directory)


@pytest.fixture
def newest(machine: Machine) -> Client:
    """The cookiecutter of the tests' own environment."""
    return Client(machine, [sys.executable, "-m", "cookiecutter"])


@pytest.fixture(params=["newest", "oldest"])
def client(
    request: pytest.FixtureRequest, machine: Machine, client_of: ClientOf
) -> Client:
    """The newest cookiecutter, and the oldest that is supported."""
    if request.param == "oldest":
        return client_of(machine, OLDEST)
    newest: Client = request.getfixturevalue("newest")
    return newest


@pytest.fixture(scope="module")
def expected_project(shared_machine: Machine) -> Project:
    """The project that every client makes for the person of the machine."""
    template = str(shared_machine.template)
    shared_machine.call_cookiecutter(template, *WORDS, "set_up=no")
    return shared_machine.project("penguin-bills")


@pytest.fixture(scope="module")
def expected(expected_project: Project) -> Contents:
    """The files of that project."""
    return contents(expected_project)


@pytest.fixture
def repository(machine: Machine) -> Path:
    """The template as a repository with a commit after the tag v1."""
    path = machine.home.parent / "git" / "template"
    shutil.copytree(machine.template, path)
    git = ("git", "-C", path)
    machine.run(*git, "init", "--quiet")
    machine.run(*git, "add", "--all")
    machine.run(*git, "commit", "--quiet", "--message", "First")
    machine.run(*git, "tag", "v1")
    machine.run(*git, "rm", "--quiet", "{{cookiecutter.__project_dir}}/README.md")
    machine.run(*git, "commit", "--quiet", "--message", "Second")
    return path


# How answers are given


def test_answers_on_the_command_line_and_replayed(
    client: Client, expected: Contents
) -> None:
    client.make(*WORDS)
    assert contents(client.project) == expected
    shutil.rmtree(client.project.path)
    client.make("--replay")
    assert contents(client.project) == expected


def test_answers_in_the_users_configuration(client: Client, expected: Contents) -> None:
    config = client.machine.home / "team.yaml"
    answers = {**ANSWERS, "set_up": False}
    config.write_text(json.dumps({"default_context": answers}), "utf-8")
    client.make("--no-input", "--config-file", config)
    assert contents(client.project) == expected


def test_answers_by_the_python_api(client: Client, expected: Contents) -> None:
    call = [client.program[0], "-c", PYTHON_API, client.template]
    done = client.machine.run(*call, json.dumps({**ANSWERS, "set_up": False}))
    assert done.stdout.splitlines()[-1] == str(client.project.path)
    assert contents(client.project) == expected


# Where the template comes from


def test_a_zip_in_a_path_with_blanks_and_other_letters(
    client: Client, expected: Contents
) -> None:
    template = client.machine.template
    packed = client.machine.home / "Ada's templates" / "größer 分析"
    client.template = shutil.make_archive(
        str(packed), "zip", template.parent, template.name
    )
    client.make(*WORDS)
    assert contents(client.project) == expected
    assert not (client.project / ".cruft.json").exists()


def test_a_tag_of_a_repository(
    client: Client, repository: Path, expected: Contents
) -> None:
    client.template = f"file://{repository}"
    client.make(*WORDS, "--checkout", "v1")
    assert contents(client.project) == expected
    link = json.loads(client.project.text(".cruft.json"))
    assert (link["template"], link["checkout"]) == (f"file://{repository}", "v1")


def test_the_link_holds_no_token(newest: Client) -> None:
    address = "https://example.com/acme/template"
    link = {"template": address.replace("//", "//ada:s3cret@"), "commit": "1" * 40}
    newest.machine.env["COOKIECUTTER_DS_PACKAGE_ORIGIN"] = json.dumps(link)
    newest.make(*WORDS)
    assert "s3cret" not in newest.project.text(".cruft.json")
    assert json.loads(newest.project.text(".cruft.json"))["template"] == address


def test_cruft_create(
    machine: Machine, repository: Path, expected_project: Project, expected: Contents
) -> None:
    client = Client(machine, ["cruft", "create"])
    client.template = str(repository)
    answers = {
        **ANSWERS,
        "python_version": expected_project.text(".python-version").strip(),
        "environment_manager": CONTEXT["environment_manager"][0],
        "author_name": "Ada Lovelace",
        "author_email": "ada@example.org",
        "set_up": False,
    }
    words = ("--no-input", "--checkout", "v1", "--extra-context", json.dumps(answers))
    client.make(*words)
    assert contents(client.project) == expected
    assert json.loads(client.project.text(".cruft.json"))["checkout"] == "v1"


def test_cruft_create_repeats_refused_answers(
    machine: Machine, repository: Path
) -> None:
    client = Client(machine, ["cruft", "create"])
    client.template = str(repository)
    answers = {"description": "It's so.", "author_email": "nobody", "set_up": False}
    words = ("--no-input", "--checkout", "v1", "--extra-context", json.dumps(answers))
    done = client.make(*words, check=False)
    assert done.returncode == 1
    (line,) = re.findall(r"^  (cookiecutter .*)", done.stdout, re.MULTILINE)
    given = dict(word.split("=", 1) for word in shlex.split(line) if "=" in word)
    assert shlex.split(line)[1] == str(repository)
    assert given["description"] == "It's so."
    assert given["author_email"] == "FIXME"


# Older releases


def test_an_older_cookiecutter_is_refused_in_one_line(
    machine: Machine, client_of: ClientOf
) -> None:
    done = client_of(machine, TOO_OLD).make(*WORDS, check=False)
    assert done.returncode == 1
    assert done.stdout.splitlines()[0].removeprefix("ERROR: ") == (
        f"cookiecutter {TOO_OLD} is too old: this template needs"
        f" {OLDEST[:3]} or newer: pipx install --force cookiecutter"
    )
    assert [*machine.work.iterdir()] == []
